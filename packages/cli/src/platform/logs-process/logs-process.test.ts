import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { join } from "node:path";
import { parseExposition } from "@openworkers/core/testing";
import { OwHome } from "../../testing/ow.ts";

setDefaultTimeout(120_000);

let home: OwHome;
let up: Awaited<ReturnType<OwHome["up"]>>;
beforeAll(async () => {
  home = new OwHome();
  up = await home.up("--data", join(home.folder.path, "data"), "--no-api", "--metrics-port", "0");
  await home.folder.write({
    "hello.js": `export default { fetch() { console.log("said"); return new Response("hello"); } };`,
  });
  await home.json("deploy", "hello.js");
}, 120_000);
afterAll(() => home[Symbol.asyncDispose]());

/** The logs service's process among the children of the platform's. */
function logsPid(platform: number): number | undefined {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => {
      try {
        const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return Number(parent) === platform && command.includes("logs-process/run.ts");
      } catch {
        return false;
      }
    });
}

async function started(besides?: number): Promise<number> {
  for (;;) {
    const pid = logsPid(up.pid);
    if (pid !== undefined && pid !== besides) return pid;
    await Bun.sleep(10);
  }
}

// One that has ended may wait for whoever inherits it to ask how.
const isAlive = (pid: number) =>
  existsSync(`/proc/${pid}/stat`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));

async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await Bun.sleep(10);
}

async function serveOne(): Promise<void> {
  const { port } = up.ready;
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { host: `hello.localhost:${port}` } });
  expect(await response.text()).toBe("hello");
}

/** Lines of `hello` that are stored, once there are as many. */
async function storedLines(count: number): Promise<number> {
  for (;;) {
    const { code, stdout } = await home.ow(["logs", "hello", "--json"]);
    const lines = stdout.split("\n").filter((line) => line.includes('"said"'));
    if (code === 0 && lines.length >= count) return lines.length;
  }
}

test("logs are stored by a process that others go before, and its numbers are among the platform's", async () => {
  expect(getPriority(await started())).toBe(10);
  await serveOne();
  expect(await storedLines(1)).toBe(1);
  const metrics = parseExposition(await (await fetch(String(up.ready.metrics))).text());
  expect([...(metrics.get("ow_logs_records_total")?.samples.values() ?? [])]).toEqual([2]);
  expect(metrics.get("ow_logs_cpu_seconds_total")?.type).toBe("counter");
});

test("one that is killed is started again at its address, and nothing is lost", async () => {
  const pid = await started();
  process.kill(pid, "SIGKILL");
  await gone(pid);
  await serveOne();
  await up.line((text) => text.includes("The logs service ended and is started again."));
  expect(await started(pid)).not.toBe(pid);
  expect(await storedLines(2)).toBe(2);
});

test("it ends with a platform that is killed, and with one that is stopped", async () => {
  const first = await started();
  await up.end("SIGKILL");
  await gone(first);
  up = await home.up("--data", join(home.folder.path, "data"), "--no-api");
  const second = await started();
  expect(await storedLines(2)).toBe(2);
  expect(await up.end("SIGINT")).toBe(0);
  expect(isAlive(second)).toBe(false);
});
