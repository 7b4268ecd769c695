import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateSealingKey } from "@openworkers/core";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "@openworkers/db";
import { type Platform, startPlatform } from "./platform.ts";
import { stillRunning } from "./processes.ts";

let directory: string;
let postgres: EmbeddedPostgres;
let env: Record<string, string>;
let platform: Platform;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ow-outage-"));
  postgres = await startEmbeddedPostgres({ dataDir: join(directory, "postgres"), durable: false });
  env = { DATABASE_URL: postgres.url, OW_SECRET_KEY: await generateSealingKey() };
  platform = await startPlatform({ env });
});

afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

async function worker(name: string, says: string): Promise<string> {
  const path = join(directory, `${name}.js`);
  await writeFile(
    path,
    `export default { fetch: (_, env) => new Response(${JSON.stringify(says)} + (env.KEY ?? "")) };`,
  );
  return path;
}

async function answer(from: Platform, name: string): Promise<string> {
  const response = await from.fetch(name, "/");
  return `${response.status} ${await response.text()}`;
}

/** Asks until the answer is the expected one: ends with the test's patience. */
async function untilAnswered(from: Platform, name: string, expected: string): Promise<void> {
  while ((await answer(from, name)) !== expected) await Bun.sleep(20);
}

describe("while PostgreSQL is away", () => {
  beforeAll(async () => {
    await platform.deploy(await worker("unasked", "never asked before"), "--name", "unasked");
    await platform.deploy(await worker("known", "known"), "--name", "known");
    expect(await answer(platform, "known")).toBe("200 known");
    await postgres.stop();
  });

  test("workers that are known go on being served", async () => {
    expect(await answer(platform, "known")).toBe("200 known");
  });

  test("a worker that was never asked before starts from cached code", async () => {
    expect(await answer(platform, "unasked")).toBe("200 never asked before");
  });

  test("a worker whose cell died starts again", async () => {
    const cells = (await platform.processes()).filter(({ command }) => command.includes("workerd"));
    expect(cells.length).toBeGreaterThan(0);
    for (const { pid } of cells) process.kill(pid, "SIGKILL");
    while ((await stillRunning(cells, platform.directory)).some(({ command }) => command.includes("workerd")))
      await Bun.sleep(5);
    await untilAnswered(platform, "known", "200 known");
  });

  test("a deploy fails with one clear sentence and what to do", async () => {
    const { code, stdout, stderr } = await platform.ow(
      "deploy",
      await worker("late", "late"),
      "--name",
      "late",
    );
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(
      /^error: Cannot use database "openworkers" on .+: .+\nnext: Check that PostgreSQL .+\n$/m,
    );
    expect(stderr).not.toContain("    at ");
    expect((await platform.fetch("late", "/")).status).toBe(404);
  });

  test("another platform does not start, and says why", async () => {
    const started = startPlatform({ env });
    await expect(started).rejects.toThrow(/ended with 1 .*DATABASE_UNAVAILABLE/s);
  });
});

describe("when PostgreSQL is back", () => {
  beforeAll(() => postgres.start());

  test("a deploy works, and is served by the runner that went through it", async () => {
    await platform.deploy(await worker("known", "new"), "--name", "known");
    await untilAnswered(platform, "known", "200 new");
    while (!platform.output.includes("The database is back")) await Bun.sleep(20);
  });

  test("two platforms on one database serve what is deployed through either, secrets included", async () => {
    await using second = await startPlatform({ env });
    expect(await answer(second, "known")).toBe("200 new");
    await second.deploy(await worker("shared", "shared "), "--name", "shared");
    await untilAnswered(platform, "shared", "200 shared ");
    const put = await platform.owWithInput("s3cret", "secret", "put", "shared", "KEY");
    expect(put.code).toBe(0);
    for (const each of [platform, second]) await untilAnswered(each, "shared", "200 shared s3cret");
  });

  test("a platform without the key of the others' secrets does not start, and names it", async () => {
    const started = startPlatform({ env: { DATABASE_URL: postgres.url } });
    await expect(started).rejects.toThrow(/ended with 1 .*SECRET_UNREADABLE.*OW_SECRET_KEY/s);
  });
});
