import type { OpenWorkers } from "../contenders/openworkers.ts";

/** Milliseconds from a deploy's commit to the first answer of the new version, its cold start included. */
export async function measureDeployToLive(platform: OpenWorkers, count: number): Promise<number[]> {
  const source = (version: number): string =>
    `export default { fetch() { return new Response("version ${version}"); } };`;
  await platform.deployText("live", source(0));
  await platform.untilServed("live");
  const samples: number[] = [];
  for (let version = 1; version <= count; version++) {
    await platform.deployText("live", source(version));
    const accepted = performance.now();
    while ((await (await platform.fetch("live")).text()) !== `version ${version}`) await Bun.sleep(1);
    samples.push(performance.now() - accepted);
    await Bun.sleep(100);
  }
  return samples;
}
