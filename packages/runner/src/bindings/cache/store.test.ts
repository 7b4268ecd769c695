import { expect, test } from "bun:test";
import { defaultLimits, newId, type WorkerId } from "@openworkers/core";
import CachePolicy from "http-cache-semantics";
import { noMeter } from "../../cells/byte-meter.ts";
import type { Caller } from "../caller.ts";
import { Cache } from "./cache.ts";
import { type CachedResponse, CacheStore } from "./store.ts";

const [ada, bob, eve]: [WorkerId, WorkerId, WorkerId] = [newId(), newId(), newId()];

function response(bytes: number): CachedResponse {
  const policy = new CachePolicy(
    { url: "/", method: "GET", headers: {} },
    { status: 200, headers: { "cache-control": "max-age=60" } },
  );
  return { status: 200, policy, headers: new Headers(), body: new Uint8Array(bytes) };
}

const kept = (store: CacheStore, workerId: WorkerId, keys: readonly string[]) =>
  keys.filter((key) => store.variants(workerId, key).length > 0);

test("a worker that stores too much loses what it has not used for longest, and nobody else loses anything", () => {
  const store = new CacheStore({ totalBytes: 100_000, workerBytes: 50_000 });
  store.set(bob, "theirs", [response(10_000)]);
  for (const key of ["a", "b", "c"]) store.set(ada, key, [response(14_000)]);
  store.variants(ada, "a");
  store.set(ada, "d", [response(14_000)]);
  expect(kept(store, ada, ["a", "b", "c", "d"])).toEqual(["a", "c", "d"]);
  expect(kept(store, bob, ["theirs"])).toEqual(["theirs"]);
});

test("all workers together lose what was not used for longest, whosever it is", () => {
  const store = new CacheStore({ totalBytes: 50_000, workerBytes: 50_000 });
  store.set(ada, "a", [response(14_000)]);
  store.set(bob, "b", [response(14_000)]);
  store.set(eve, "c", [response(14_000)]);
  store.variants(ada, "a");
  store.set(eve, "d", [response(14_000)]);
  expect([kept(store, ada, ["a"]), kept(store, bob, ["b"]), kept(store, eve, ["c", "d"])]).toEqual([
    ["a"],
    [],
    ["c", "d"],
  ]);
});

test("a million empty responses are bounded as well: each counts for what it takes beside its body", () => {
  const store = new CacheStore({ totalBytes: 1_000_000, workerBytes: 100_000 });
  const empty = response(0);
  for (let index = 0; index < 1_000; index++) store.set(ada, `key-${index}`, [empty]);
  expect(store.bytes).toBeLessThanOrEqual(100_000);
  expect(store.bytes).toBeGreaterThan(90_000);
});

test("what is being stored counts, and is refused when nothing can make room for it", () => {
  const store = new CacheStore({ totalBytes: 100_000, workerBytes: 50_000 });
  store.set(ada, "a", [response(10_000)]);
  expect(store.reserve(ada, 30_000)).toBe(true);
  expect(store.reserve(ada, 15_000)).toBe(true);
  expect(kept(store, ada, ["a"])).toEqual([]);
  expect(store.reserve(ada, 15_000)).toBe(false);
  store.release(ada, 45_000);
  expect(store.bytes).toBe(0);
});

test("one worker sees nothing of another's caches, whatever it asks with", async () => {
  const cache = new Cache();
  const as = (workerId: WorkerId): Caller => ({
    target: {
      workerId,
      worker: "w",
      versionId: newId(),
      version: 1,
      environmentRevision: 0,
      limits: defaultLimits,
    },
    bindings: new Map(),
    meter: noMeter,
  });
  const url = "http://a.example/";
  const head = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\n";
  const put = await cache.serve(new Request(url, { method: "PUT", body: `${head}secret` }), as(ada));
  expect(put.status).toBe(204);
  expect((await cache.serve(new Request(url), as(ada))).status).toBe(200);
  for (const name of ["", ada, "default"]) {
    const headers = { "cf-cache-namespace": name };
    expect((await cache.serve(new Request(url, { headers }), as(bob))).status).toBe(504);
    expect((await cache.serve(new Request(url, { method: "PURGE", headers }), as(bob))).status).toBe(404);
  }
});

test.each([
  ["nothing", ""],
  ["no head", "x".repeat(1_000)],
  ["an endless head", `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(100_000)}`],
  ["another protocol", "SSH-2.0\r\n\r\n"],
  ["a status that is none", "HTTP/1.1 999 No\r\n\r\n"],
  ["a field without a name", "HTTP/1.1 200 OK\r\n: x\r\n\r\n"],
  ["a field with a name that is none", "HTTP/1.1 200 OK\r\na b: x\r\n\r\n"],
])("a cell that sends %s as a response to store is refused", async (_, body) => {
  const caller: Caller = {
    target: {
      workerId: ada,
      worker: "w",
      versionId: newId(),
      version: 1,
      environmentRevision: 0,
      limits: defaultLimits,
    },
    bindings: new Map(),
    meter: noMeter,
  };
  const cache = new Cache();
  const put = cache.serve(new Request("http://a.example/", { method: "PUT", body }), caller);
  await expect(put).rejects.toMatchObject({ code: "INVALID_INPUT" });
  expect(cache.bytes).toBe(0);
});
