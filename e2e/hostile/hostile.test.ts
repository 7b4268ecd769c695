import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Platform, startPlatform } from "../platform.ts";

let platform: Platform;
const fixture = (name: string): string => join(import.meta.dir, "fixtures", `${name}.js`);

beforeAll(async () => {
  platform = await startPlatform();
  await platform.deploy(fixture("quiet"), "--name", "quiet");
  await platform.deploy(fixture("loops"), "--name", "loops");
  await platform.deploy(join(import.meta.dir, "fixtures", "memory"), "--name", "memory");
  await platform.deploy(fixture("floods"), "--name", "floods");
  await platform.deploy(fixture("escapes"), "--name", "escapes");
});

afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
});

/** After every attack: the neighbour answers, the platform lives, and the attacked worker is itself again. */
afterEach(async () => {
  const neighbour = await platform.fetch("quiet", "/still-here");
  expect(await neighbour.text()).toBe("quiet /still-here");
  expect(neighbour.status).toBe(200);
});

interface Ended {
  readonly status: number;
  readonly reason: string | null;
}

async function attack(worker: string, path: string, init: BunFetchRequestInit = {}): Promise<Ended> {
  const response = await platform.fetch(worker, path, init);
  await response.arrayBuffer();
  return { status: response.status, reason: response.headers.get("x-termination-reason") };
}

const cpuLimit: Ended = { status: 503, reason: "cpu-limit" };
const memoryLimit: Ended = { status: 503, reason: "memory-limit" };
const exception: Ended = { status: 500, reason: "exception" };
const answered: Ended = { status: 200, reason: null };

describe("a request that keeps the processor is ended with cpu-limit", () => {
  for (const path of [
    "/endless",
    "/microtasks",
    "/awaits",
    "/regex",
    "/bigint",
    "/json",
    "/catch-everything",
  ]) {
    test(path, async () => {
      expect(await attack("loops", path)).toEqual(cpuLimit);
      expect(await attack("loops", "/ok")).toEqual(answered);
    });
  }

  test("/microtask-flood, whose answer never gets out", async () => {
    expect([cpuLimit, memoryLimit]).toContainEqual(await attack("loops", "/microtask-flood"));
    expect(await attack("loops", "/ok")).toEqual(answered);
  });

  test("background work is ended too, and says so in the worker's log", async () => {
    await using tail = await platform.tail("loops");
    await attack("loops", "/after-response");
    await tail.find((record) => String(record.message).includes("CPU limit exceeded"));
    expect(await attack("loops", "/ok")).toEqual(answered);
  });

  test("a timer that nothing waits for ends with its request", async () => {
    expect(await attack("loops", "/timer-after-response")).toEqual(answered);
    expect(await attack("loops", "/ok")).toEqual(answered);
  });
});

describe("a request that takes memory is ended, or refused the memory", () => {
  for (const path of ["/arrays", "/objects", "/promises", "/strings"]) {
    test(`${path}: memory-limit`, async () => {
      expect(await attack("memory", path)).toEqual(memoryLimit);
      expect(await attack("memory", "/ok")).toEqual(answered);
    });
  }

  for (const path of ["/array-buffers", "/bigints", "/streams", "/blobs", "/response-body"]) {
    test(`${path}: memory-limit, or an error the worker did not catch`, async () => {
      expect([memoryLimit, exception]).toContainEqual(await attack("memory", path));
      // What an attack that was refused the memory leaves to the collector may still end the next request.
      await attack("memory", "/ok");
      expect(await attack("memory", "/ok")).toEqual(answered);
    });
  }

  for (const path of ["/array-buffers-caught", "/wasm"]) {
    test(`${path}: allocation fails within the limit, and the worker goes on`, async () => {
      const response = await platform.fetch("memory", path);
      const answer = (await response.json()) as { error: string; megabytes: number };
      expect(answer).toEqual({ error: "RangeError", megabytes: expect.any(Number) });
      expect(answer.megabytes).toBeLessThanOrEqual(160);
    });
  }

  test("deep recursion is the worker's own exception", async () => {
    expect(await attack("memory", "/recursion")).toEqual(exception);
    expect(await attack("memory", "/recursion-caught")).toEqual(answered);
  });
});

describe("floods are bounded", () => {
  test("ten thousand timers fire, or cost their request its budget", async () => {
    const response = await platform.fetch("floods", "/timers");
    const reason = response.headers.get("x-termination-reason");
    expect(["10000", "cpu-limit"]).toContain(reason ?? (await response.text()));
  });

  test("ten thousand intervals end with their request", async () => {
    expect([answered, cpuLimit]).toContainEqual(await attack("floods", "/timers-forever"));
    expect(await attack("floods", "/ok")).toEqual(answered);
  });

  test("a storm of fetches reaches nothing on the machine", async () => {
    const response = await platform.fetch("floods", "/fetch-storm");
    if (response.status === 200) expect(await response.json()).toEqual({ reached: 0, of: 2_000 });
    else expect(response.headers.get("x-termination-reason")).toBe("cpu-limit");
  });

  for (const path of ["/console-flood", "/long-lines"]) {
    test(`${path} is cut, and says how much`, async () => {
      await using tail = await platform.tail("floods");
      expect([answered, cpuLimit, memoryLimit]).toContainEqual(await attack("floods", path));
      await tail.find((record) => String(record.message).includes("…"));
    });
  }

  test("a response that never ends goes no faster than its reader, and ends with it", async () => {
    const client = new AbortController();
    const response = await platform.fetch("floods", "/endless-response", { signal: client.signal });
    const reader = response.body?.getReader();
    for (let read = 0; read < 2 ** 20; ) read += (await reader?.read())?.value?.length ?? 0;
    client.abort();
    expect(await attack("floods", "/ok")).toEqual(answered);
  });

  test("a body that the worker does not read does no harm", async () => {
    const body = new Uint8Array(50 * 2 ** 20);
    expect(await attack("floods", "/unread-body", { method: "POST", body })).toEqual(answered);
  });

  test("a body over the limit is refused with 413", async () => {
    const body = new Uint8Array(101 * 2 ** 20);
    const { status } = await attack("floods", "/unread-body", { method: "POST", body });
    expect(status).toBe(413);
  });

  test("a response cannot smuggle header fields", async () => {
    const tries = await (await platform.fetch("floods", "/smuggle")).json();
    for (const outcome of Object.values(tries as Record<string, string>)) expect(outcome).toBe("TypeError");
  });

  test("a response cannot speak for the platform", async () => {
    const response = await platform.fetch("floods", "/platform-headers");
    const names = [...response.headers.keys()];
    expect(names.filter((name) => name.startsWith("x-ow-"))).toEqual([]);
    expect(names).not.toContain("x-hidden");
    expect(response.headers.get("x-request-id")).not.toBe("forged");
  });
});

describe("a worker finds nothing outside", () => {
  test("no file, process, network or code generation is within reach", async () => {
    const found = (await (await platform.fetch("escapes", "/")).json()) as Record<
      string,
      { reached: boolean }
    >;
    const reached = Object.entries(found).filter(([, result]) => result.reached);
    expect(reached).toEqual([]);
    expect(Object.keys(found).length).toBe(19);
  });

  test("its environment holds only what it was given", async () => {
    const answer = await (await platform.fetch("escapes", "/env")).json();
    expect(answer).toEqual({ env: [], processEnv: [] });
  });
});

describe("a worker that does not start is refused before anything goes live", () => {
  for (const [name, words] of [
    ["top-level-throw", /thrown at the top level/],
    ["top-level-loop", /start/i],
    ["top-level-memory", /memory|start/i],
    ["top-level-never", /start|await/i],
  ] as const) {
    test(name, async () => {
      const result = await platform.ow("deploy", fixture(name), "--name", name, "--json");
      expect(result.code).toBe(1);
      expect(result.stdout + result.stderr).toMatch(words);
      expect((await platform.fetch(name, "/")).status).toBe(404);
    });
  }
});

test("a worker that does not start cannot send escape sequences to who deploys it", async () => {
  const { stderr } = await platform.ow("deploy", fixture("top-level-throw"), "--name", "top-level-throw");
  expect(stderr).toContain("thrown at the top level");
  for (const control of ["\u0007", "\u001b"]) expect(stderr).not.toContain(control);
});

test("a worker that breaks every prototype breaks only itself", async () => {
  await platform.deploy(fixture("tampering"), "--name", "tampering");
  const response = await platform.fetch("tampering", "/");
  expect([200, 500]).toContain(response.status);
});
