import type { OpenWorkers } from "../contenders/openworkers.ts";
import { load } from "../wrk.ts";

const hostile = [
  { worker: "hostile-loop", file: "loop.js", path: "/loop" },
  { worker: "hostile-hog", file: "hog.js", path: "/" },
  { worker: "hostile-flood", file: "flood.js", path: "/" },
] as const;

export interface Neighbours {
  /** p99 in milliseconds per round. */
  readonly quiet: readonly number[];
  readonly beside: readonly number[];
}

/** A worker's p99 at a steady load (about 350 requests per second), alone and beside one that loops, one that hoards and one that floods the log. */
export async function measureNeighbours(
  platform: OpenWorkers,
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<Neighbours> {
  for (const { worker, file } of hostile) await platform.deployFile(worker, file);
  const p99 = async (): Promise<number> =>
    (await load({ url: platform.url, host: platform.host, connections: 8, seconds, pauseMs: 20 })).p99Ms;
  const quiet: number[] = [];
  const beside: number[] = [];
  for (let round = 0; round < rounds; round++) {
    quiet.push(await p99());
    const stop = new AbortController();
    const attacks = hostile.map(({ worker, path }) => attack(platform, worker, path, stop.signal));
    beside.push(await p99());
    stop.abort();
    await Promise.all(attacks);
  }
  return { quiet, beside };
}

/** One request after the other, whatever the answer: a worker that is made to wait is asked again at once. */
async function attack(platform: OpenWorkers, worker: string, path: string, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const response = await platform.fetch(worker, path);
    await response.arrayBuffer();
    await Bun.sleep(10);
  }
}
