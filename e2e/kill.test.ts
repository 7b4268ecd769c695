import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Platform, startPlatform } from "./platform.ts";
import { familyOf, stillRunning } from "./processes.ts";

let sources: string;
let platform: Platform;

beforeAll(async () => {
  sources = await mkdtemp(join(tmpdir(), "ow-kill-"));
  platform = await startPlatform();
});

afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
  await rm(sources, { recursive: true, force: true });
});

/** A worker that says `text` and what its environment holds. */
async function worker(text: string): Promise<string> {
  const path = join(sources, "worker.js");
  const answer = `[${JSON.stringify(text)}, env.PLAIN, env.KEY].join(" ")`;
  await writeFile(path, `export default { fetch: (_, env) => new Response(${answer}) };`);
  return path;
}

async function answer(label: string): Promise<string> {
  const response = await platform.fetch(label, "/");
  return `${response.status} ${await response.text()}`;
}

test("after kill -9 under load no process is left, and the next start finds workers, values and secrets", async () => {
  await platform.deploy(await worker("one"), "--name", "kept");
  expect((await platform.ow("env", "set", "kept", "PLAIN=value")).code).toBe(0);
  expect((await platform.owWithInput("s3cret", "secret", "put", "kept", "KEY")).code).toBe(0);
  while ((await answer("kept")) !== "200 one value s3cret") await Bun.sleep(20);
  let served = 0;
  const load = Array.from({ length: 16 }, async () => {
    try {
      for (;;) {
        await answer("kept");
        served++;
      }
    } catch {
      // The connection ends with the platform.
    }
  });
  while (served < 100) await Bun.sleep(5);
  await platform.kill();
  await Promise.all(load);
  platform = await startPlatform({ directory: platform.directory });
  expect(await answer("kept")).toBe("200 one value s3cret");
  await platform.deploy(await worker("two"), "--name", "kept");
  expect(await answer("kept")).toBe("200 two value s3cret");
});

test("kill -9 in the middle of a KV put leaves the old value, and the next put works", async () => {
  const folder = join(sources, "puts");
  await Bun.write(
    join(folder, "worker.js"),
    `export default { async fetch(request, { KV }) {
      if (request.method === "PUT") await KV.put("k", request.body);
      const value = new Uint8Array((await KV.get("k", "arrayBuffer")) ?? 0);
      return Response.json([value.length, value[0], value.every((byte) => byte === value[0])]);
    } };`,
  );
  await Bun.write(
    join(folder, "wrangler.jsonc"),
    JSON.stringify({
      name: "puts",
      main: "worker.js",
      compatibility_date: "2026-11-01",
      kv_namespaces: [{ binding: "KV" }],
    }),
  );
  await platform.deploy(folder);
  const part = (byte: number) => new Uint8Array(1_000_000).fill(byte);
  const put = async (body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>) =>
    await (await platform.fetch("puts", "/", { method: "PUT", body })).json();
  while ((await platform.fetch("puts", "/")).status !== 200) await Bun.sleep(20);
  expect(await put(part(1))).toEqual([1_000_000, 1, true]);
  const half = Promise.withResolvers<void>();
  let sent = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent++ < 3) controller.enqueue(part(2));
      else half.resolve();
    },
  });
  const broken = put(endless).catch(() => "broken");
  await half.promise;
  await platform.kill();
  expect(await broken).toBe("broken");
  platform = await startPlatform({ directory: platform.directory });
  expect(await (await platform.fetch("puts", "/")).json()).toEqual([1_000_000, 1, true]);
  expect(await put(part(3))).toEqual([1_000_000, 3, true]);
});

describe("kill -9 of `ow deploy`", () => {
  interface Version {
    readonly version: number;
    readonly percent: number;
  }

  async function versions(): Promise<Version[]> {
    const { code, stdout, stderr } = await platform.ow("versions", "half", "--json");
    if (code !== 0) throw new Error(stdout + stderr);
    return JSON.parse(stdout);
  }

  /** Kills a deploy `afterMs` after it has printed `steps` steps as done. */
  async function killedDeploy(path: string, steps: number, afterMs: number): Promise<void> {
    const deploy = platform.startOw("deploy", path, "--name", "half");
    let said = "";
    const reader = deploy.stderr.pipeThrough(new TextDecoderStream()).getReader();
    while (said.split("✓").length <= steps) {
      const { value, done } = await reader.read();
      if (done) break;
      said += value;
    }
    if (afterMs > 0) await Bun.sleep(afterMs);
    const family = await familyOf(deploy.pid);
    if (deploy.exitCode === null) process.kill(-deploy.pid, "SIGKILL");
    await deploy.exited;
    // Its throw-away cell with it.
    while ((await stillRunning(family, sources)).length > 0) await Bun.sleep(20);
  }

  let live = { version: 0, answer: "" };

  beforeAll(async () => {
    const { version } = await platform.deploy(await worker("first"), "--name", "half");
    live = { version, answer: "200 first  " };
  });

  // "Bundle", "Start in a throw-away cell", "Put it live", each seen as done; and some time into what follows.
  test.each([
    [0, 300],
    [1, 100],
    [2, 0],
    [2, 10],
    [3, 0],
  ])("after %d steps and %d ms leaves all of a version or nothing", async (steps, afterMs) => {
    const text = `killed ${steps} ${afterMs}`;
    await killedDeploy(await worker(text), steps, afterMs);
    const [newest] = await versions();
    const done = newest?.version !== live.version;
    if (done) live = { version: live.version + 1, answer: `200 ${text}  ` };
    // Stored and live in one step: the newest version is the live one, whichever it is.
    expect(newest).toMatchObject({ version: live.version, percent: 100 });
    while ((await answer("half")) !== live.answer) await Bun.sleep(20);
    expect(await answer(`${live.version}--half`)).toBe(live.answer);
    if (steps < 2) expect(done).toBe(false);
    if (steps > 2) expect(done).toBe(true);
  });
});

test("kill -9 of the platform while static files are sent leaves the old site whole, and the next deploy goes on", async () => {
  const site = join(sources, "site");
  const parts = 24;
  const content = (part: number) => new Uint8Array(4 * 2 ** 20).fill(part + 1);
  await Bun.write(join(site, "index.html"), "one");
  const first = await platform.deploy(site);
  await Bun.write(join(site, "index.html"), "two");
  for (let part = 0; part < parts; part++) await Bun.write(join(site, `part-${part}.bin`), content(part));
  const deploy = platform.startOw("deploy", site);
  let said = "";
  const reader = deploy.stderr.pipeThrough(new TextDecoderStream()).getReader();
  const read = async () => {
    const { value, done } = await reader.read();
    said += value ?? "";
    return !done;
  };
  while (!said.includes("✓ Bundle") && (await read()));
  // A hundred megabytes are on their way for longer than this.
  await Bun.sleep(200);
  await platform.kill();
  while (await read());
  expect(await deploy.exited).toBe(1);
  expect(said).toContain("✓ Bundle");
  expect(said).not.toContain("✓ Send");
  expect(said).toMatch(/^error: /m);
  expect(said).not.toContain("    at ");
  platform = await startPlatform({ directory: platform.directory });
  expect(await answer("site")).toBe("200 one");
  expect((await platform.fetch("site", "/part-0.bin")).status).toBe(404);
  const listed = await platform.ow("versions", "site", "--json");
  expect(JSON.parse(listed.stdout)).toMatchObject([{ version: first.version, percent: 100 }]);
  expect(await platform.deploy(site)).toMatchObject({
    version: first.version + 1,
    assets: { files: parts + 1 },
  });
  while ((await answer("site")) !== "200 two") await Bun.sleep(20);
  for (let part = 0; part < parts; part++) {
    const bytes = await (await platform.fetch("site", `/part-${part}.bin`)).bytes();
    expect(Buffer.compare(bytes, content(part))).toBe(0);
  }
});

test("Ctrl-C closes an open WebSocket with 1001 and ends with code 0", async () => {
  await platform.deploy("examples/websocket");
  const socket = platform.webSocket("websocket", "/");
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  const closed = new Promise<CloseEvent>((resolve) => socket.addEventListener("close", resolve));
  expect(await platform.stop()).toBe(0);
  expect((await closed).code).toBe(1001);
});
