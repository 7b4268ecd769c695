import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import {
  defaultLimits,
  type Limits,
  type LogRecord,
  newId,
  OpenWorkersError,
  type RequestId,
} from "@openworkers/core";
import { openCpuPriority } from "@openworkers/core/host";
import type { Lease, Verdict } from "../cells/lease.ts";
import { type CellHost, findSandbox, openCellHost } from "../cells/mod.ts";
import { type Program, type Target, unversioned } from "../cells/target.ts";
import { Supervisor, type SupervisorOptions } from "./supervisor.ts";

let host: CellHost;
let runtimeDir: string;

beforeAll(async () => {
  runtimeDir = await mkdtemp(join(tmpdir(), "ow-"));
  host = await openCellHost({ sandbox: findSandbox("bubblewrap"), runtimeDir });
});

afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await rm(runtimeDir, { recursive: true, force: true });
});

const source = `
let served = 0;
export default {
  async fetch(request, env, ctx) {
    const { pathname, searchParams } = new URL(request.url);
    const ms = Number(searchParams.get("ms"));
    const spin = (ms) => { const end = Date.now() + ms; while (Date.now() < end); };
    if (pathname === "/loop") for (;;);
    if (pathname === "/spin") spin(ms);
    if (pathname === "/chunks") for (;;) { spin(5); await new Promise((done) => setTimeout(done, 1)); }
    if (pathname === "/background") { ctx.waitUntil(new Promise(() => setTimeout(() => { for (;;); }, 20))); }
    if (pathname === "/read") { let bytes = 0; for await (const chunk of request.body) bytes += chunk.length; return new Response(String(bytes)); }
    if (pathname === "/heap") { const kept = []; for (;;) kept.push(new Array(1000).fill(1.1)); }
    if (pathname === "/wait") await new Promise((done) => setTimeout(done, ms));
    return new Response(String(++served));
  },
};`;

function targetOf(limits: Partial<Limits> = {}, worker = "test"): Target {
  return {
    workerId: newId(),
    worker,
    versionId: newId(),
    version: 1,
    environmentRevision: 0,
    limits: { ...defaultLimits, ...limits },
  };
}

const program: Program = {
  code: {
    modules: [{ name: "index.js", type: "esModule", content: new TextEncoder().encode(source) }],
    compatibilityDate: "2026-11-01",
    compatibilityFlags: [],
    sourceMaps: new Map(),
  },
  env: new Map(),
  bindings: new Map(),
  version: unversioned,
};

interface Rig extends AsyncDisposable {
  readonly supervisor: Supervisor;
  readonly records: LogRecord[];
  acquire(target: Target): Promise<Lease>;
  /** A request on a lease of its own: its answer, or the verdict on it. */
  request(target: Target, path: string): Promise<string | Verdict>;
}

function rig(options: Partial<SupervisorOptions> = {}): Rig {
  const records: LogRecord[] = [];
  const supervisor = new Supervisor({
    programs: { load: async () => program },
    launch: () => host.launchBlank(),
    logs: { emit: (record) => records.push(record) },
    report: (message, details) => {
      throw new Error(`${message} ${JSON.stringify(details)}`);
    },
    warmCells: 1,
    ...options,
  });
  const acquire = async (target: Target): Promise<Lease> =>
    supervisor.acquire(target, { requestId: newId() as RequestId, signal: new AbortController().signal });
  return {
    supervisor,
    records,
    acquire,
    async request(target, path) {
      using lease = await acquire(target);
      try {
        const response = await fetch(`http://test${path}`, { unix: lease.socketPath });
        return await response.text();
      } catch {
        return await lease.verdict();
      }
    },
    [Symbol.asyncDispose]: () => supervisor[Symbol.asyncDispose](),
  };
}

/** The nice values of a process: its autogroup's and its main thread's. */
async function niceOf(pid: number): Promise<string> {
  const autogroup = /nice (-?\d+)/.exec(await Bun.file(`/proc/${pid}/autogroup`).text())?.[1];
  return `${autogroup} ${getPriority(pid)}`;
}

const culprit = (reason: Verdict["reason"]): Verdict => ({ reason, culprit: true });

describe("a cell", () => {
  test("is started by the first request and serves the next", async () => {
    await using it = rig();
    const target = targetOf();
    expect(await it.request(target, "/")).toBe("1");
    expect(await it.request(target, "/")).toBe("2");
    expect(it.supervisor.stats()).toMatchObject({ cells: 1, coldStarts: 1, inFlight: 0 });
  });

  test("is not shared between targets", async () => {
    await using it = rig();
    expect(await it.request(targetOf(), "/")).toBe("1");
    expect(await it.request(targetOf(), "/")).toBe("1");
    expect(it.supervisor.stats().cells).toBe(2);
  });

  test("takes many requests that come at once before it runs", async () => {
    await using it = rig({ maxReplicas: 1 });
    const target = targetOf();
    const answers = await Promise.all(Array.from({ length: 40 }, () => it.request(target, "/")));
    expect(new Set(answers).size).toBe(40);
    expect(it.supervisor.stats().coldStarts).toBe(1);
  });

  test("that sat idle is ended", async () => {
    await using it = rig({ idleMs: 1 });
    await it.request(targetOf(), "/");
    const [cell] = [...it.supervisor.cells()];
    while (it.supervisor.stats().ends.retired === 0) await Bun.sleep(5);
    // The kernel reaps the process after its parent has said that it ended.
    while (existsSync(`/proc/${cell?.pid}`)) await Bun.sleep(5);
  });

  test("that is idle longest makes room for another when all are taken", async () => {
    await using it = rig({ maxCells: 2 });
    const [first, second, third] = [targetOf(), targetOf(), targetOf()];
    for (const target of [first, second, third]) expect(await it.request(target, "/")).toBe("1");
    expect([...it.supervisor.cells()].map(({ target }) => target.versionId)).toEqual([
      second.versionId,
      third.versionId,
    ]);
  });

  test("that is idle longest is given up when memory is scarce", async () => {
    let share = 1;
    await using it = rig({ availableMemory: () => share });
    const [first, second] = [targetOf(), targetOf()];
    for (const target of [first, second]) await it.request(target, "/");
    using _busy = await it.acquire(second);
    share = 0.05;
    while (it.supervisor.stats().cells > 1) await Bun.sleep(5);
    expect([...it.supervisor.cells()].map(({ target }) => target.versionId)).toEqual([second.versionId]);
  });

  test("that is busy gets a replica beside it", async () => {
    await using it = rig({ maxReplicas: 2, replicaBusy: 0.1 });
    const target = targetOf({ cpuMs: 30_000 });
    const stop = new AbortController();
    const load = Array.from({ length: 12 }, async () => {
      while (!stop.signal.aborted) await it.request(target, "/spin?ms=3");
    });
    while (it.supervisor.stats().cells < 2) await Bun.sleep(10);
    stop.abort();
    await Promise.all(load);
    expect(it.supervisor.stats()).toMatchObject({ cells: 2, ends: { crashed: 0, "cpu-limit": 0 } });
  });

  test("that computes is put behind the others until it has answered", async () => {
    await using own = rig();
    const target = targetOf({ cpuMs: 30_000 });
    await own.request(target, "/");
    const [cell] = own.supervisor.cells();
    const pid = cell?.pid ?? 0;
    // Where it may not be done (a container's root), there is nothing to see.
    if (!openCpuPriority(5)(pid, false)) return;
    const before = await niceOf(pid);
    const answer = own.request(target, "/spin?ms=3000");
    while ((await niceOf(pid)) === before) expect(Bun.peek.status(answer)).toBe("pending");
    expect(await answer).toBe("2");
    expect(await niceOf(pid)).toBe(before);
  });

  test("is refused with OVERLOADED when every other is busy", async () => {
    await using it = rig({ maxCells: 1, maxReplicas: 1 });
    using _busy = await it.acquire(targetOf());
    expect(it.acquire(targetOf())).rejects.toMatchObject({ code: "OVERLOADED" });
  });
});

describe("the CPU limit", () => {
  test("ends a loop, names it the culprit, and says so in the worker's log", async () => {
    await using it = rig();
    expect(await it.request(targetOf(), "/loop")).toEqual(culprit("cpu-limit"));
    expect(it.records).toContainEqual(
      expect.objectContaining({
        kind: "line",
        level: "error",
        message: expect.stringContaining("CPU limit"),
      }),
    );
  });

  test("ends a loop that is split by awaits", async () => {
    await using it = rig();
    expect(await it.request(targetOf(), "/chunks")).toEqual(culprit("cpu-limit"));
  });

  test("ends background work after the response", async () => {
    await using it = rig();
    expect(await it.request(targetOf(), "/background")).toBe("1");
    while (it.supervisor.stats().ends["cpu-limit"] === 0) await Bun.sleep(5);
  });

  test("is not touched by a request that waits, or that stays below it", async () => {
    await using it = rig();
    const target = targetOf();
    expect(await it.request(target, "/wait?ms=300")).toBe("1");
    expect(await it.request(target, "/spin?ms=40")).toBe("2");
    expect(it.supervisor.stats().ends["cpu-limit"]).toBe(0);
  });

  test("spares a request that reads far more than its budget of computing could", async () => {
    await using it = rig();
    using lease = await it.acquire(targetOf());
    const body = new Uint8Array(32 * 2 ** 20);
    lease.moved(body.length, 0);
    const response = await fetch("http://test/read", { unix: lease.socketPath, method: "POST", body });
    expect(await response.text()).toBe(String(body.length));
    expect(lease.cpuMs()).toBeGreaterThan(0);
  });

  test("starts anew with each message of a WebSocket, and ends the one that loops", async () => {
    await using it = rig();
    const target = targetOf();
    using lease = await it.acquire(target);
    for (let message = 0; message < 10; message += 1) {
      lease.renew();
      await (await fetch("http://test/spin?ms=40", { unix: lease.socketPath })).text();
    }
    expect(lease.cpuMs()).toBeGreaterThan(target.limits.cpuMs);
    lease.renew();
    await fetch("http://test/loop", { unix: lease.socketPath }).catch(() => undefined);
    expect(await lease.verdict()).toEqual(culprit("cpu-limit"));
  });

  test("spares an open stream whose neighbours use far more than the limit together", async () => {
    await using it = rig({ maxReplicas: 1 });
    const target = targetOf();
    const stream = it.request(target, "/wait?ms=60000");
    for (let index = 0; index < 20; index += 1) await it.request(target, "/spin?ms=20");
    expect(it.supervisor.stats().ends["cpu-limit"]).toBe(0);
    await it.supervisor[Symbol.asyncDispose]();
    expect(await stream).toMatchObject({ culprit: false });
  });

  test("blames the loop, not the request that waited beside it", async () => {
    await using it = rig({ maxReplicas: 1 });
    const target = targetOf();
    await it.request(target, "/");
    const innocent = it.request(target, "/wait?ms=60000");
    await it.request(target, "/spin?ms=20");
    expect(await it.request(target, "/loop")).toEqual(culprit("cpu-limit"));
    expect(await innocent).toEqual({ reason: "cpu-limit", culprit: false });
  });

  test("ends a loop while clients come and leave beside it", async () => {
    await using it = rig({ maxReplicas: 1 });
    const target = targetOf();
    await it.request(target, "/");
    let ended = false;
    const loop = it.request(target, "/loop").finally(() => {
      ended = true;
    });
    while (!ended) {
      using _left = await it.acquire(target);
      await Bun.sleep(1);
    }
    expect(await loop).toMatchObject({ reason: "cpu-limit" });
  });

  test("is the worker's own", async () => {
    await using it = rig();
    expect(await it.request(targetOf({ cpuMs: 600 }), "/spin?ms=300")).toBe("1");
    expect(await it.request(targetOf({ cpuMs: 50 }), "/spin?ms=3000")).toEqual(culprit("cpu-limit"));
  });
});

describe("the memory limit", () => {
  test("ends a cell whose heap outgrows it, and the next request finds a fresh one", async () => {
    await using it = rig();
    const target = targetOf({ cpuMs: 30_000, memoryBytes: 64 * 2 ** 20 });
    expect(await it.request(target, "/heap")).toEqual(culprit("memory-limit"));
    expect(await it.request(target, "/")).toBe("1");
  });
});

test("a cell that was killed leaves no file descriptor behind", async () => {
  await using it = rig({ warmCells: 0 });
  const target = targetOf({ cpuMs: 20 });
  const open = (): number => readdirSync("/proc/self/fd").length;
  expect(await it.request(target, "/loop")).toEqual(culprit("cpu-limit"));
  const before = open();
  for (let index = 0; index < 3; index += 1) await it.request(target, "/loop");
  while (open() > before) await Bun.sleep(5);
});

describe("a worker that keeps dying", () => {
  test("is made to wait, with the reason and the time in the error", async () => {
    await using it = rig();
    const target = targetOf({ cpuMs: 20 });
    for (let index = 0; index < 5; index += 1) {
      expect(await it.request(target, "/loop")).toEqual(culprit("cpu-limit"));
    }
    expect(it.acquire(target)).rejects.toMatchObject({
      code: "CRASH_LOOP",
      details: { reason: "cpu-limit", retryAfterMs: expect.any(Number) },
    });
  });

  test("because it does not start gives its own error to whoever waits", async () => {
    await using it = rig({
      programs: { load: () => Promise.reject(new OpenWorkersError("DATABASE_UNAVAILABLE", "No database.")) },
    });
    expect(it.acquire(targetOf())).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
  });
});

describe("a target that is no longer live", () => {
  test("gets no new request, finishes what it has, and ends", async () => {
    await using it = rig();
    const target = targetOf({ backgroundMs: 1 });
    const slow = it.request(target, "/wait?ms=400");
    while (it.supervisor.stats().inFlight === 0) await Bun.sleep(5);
    it.supervisor.retain(() => false);
    expect(it.supervisor.stats()).toMatchObject({ draining: 1, inFlight: 1 });
    expect(await slow).toBe("1");
    while (it.supervisor.stats().ends.retired === 0) await Bun.sleep(5);
    expect(it.supervisor.stats()).toMatchObject({ cells: 0, draining: 0, ends: { crashed: 0 } });
  });
});
