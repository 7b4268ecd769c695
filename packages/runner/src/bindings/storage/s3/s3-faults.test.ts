import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { newId, type ObjectStore, storageErrorName } from "@openworkers/core";
import { contentOf, noise, putOptions } from "../testing/content.ts";
import { type Fault, type FaultyProxy, faultyProxy } from "../testing/faulty-proxy.ts";
import { S3Client } from "./s3-client.ts";
import { S3Store } from "./s3-store.ts";
import { startSwift, type TestS3 } from "./testing/swift.ts";

let swift: TestS3;
let proxy: FaultyProxy;
/** By way of the proxy. */
let faulty: ObjectStore;
/** The same bucket, straight. */
let store: ObjectStore;
beforeAll(async () => {
  swift = await startSwift();
  proxy = await faultyProxy(swift.port);
}, 30_000);
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await swift[Symbol.asyncDispose]();
}, 30_000);

beforeEach(() => {
  const prefix = `${newId()}/`;
  proxy.fail("none");
  store = new S3Store(new S3Client(swift.options), prefix);
  const endpoint = `http://127.0.0.1:${proxy.port}`;
  faulty = new S3Store(new S3Client({ ...swift.options, endpoint, patienceMs: 1_000 }), prefix);
});

async function failure(promise: Promise<unknown>): Promise<[string | undefined, string]> {
  return promise.then(
    () => ["none", ""],
    (thrown: Error) => [storageErrorName(thrown), thrown.message],
  );
}

const text = async (from: ObjectStore, key: string) => {
  const found = await from.get(key, {});
  return found?.body === undefined ? undefined : new Response(found.body).text();
};

const faults: [string, Fault, RegExp][] = [
  ["is silent", "silent", /did nothing for 1 seconds/],
  ["breaks off", "refused", /cannot be reached, or broke off/],
  ["answers 500", "error", /answered 500 \(InternalError\)/],
];

describe.each(faults)("a server that %s", (_, fault, message) => {
  const calls: [string, (bucket: ObjectStore) => Promise<unknown>][] = [
    ["head", (bucket) => bucket.head("key")],
    ["get", (bucket) => bucket.get("key", {})],
    ["put", (bucket) => bucket.put("key", contentOf(noise(300_000)), putOptions())],
    ["delete", (bucket) => bucket.delete(["key"])],
    ["delete of several", (bucket) => bucket.delete(["key", "other"])],
    ["list", (bucket) => bucket.list({ prefix: "", limit: 10, metadata: false })],
    ["createMultipartUpload", (bucket) => bucket.createUpload("key", putOptions())],
  ];
  test.each(calls)("is an error of %s, and what is there stays", async (name, call) => {
    await store.put("key", contentOf("before"), putOptions());
    proxy.fail(fault);
    const [error, said] = await failure(call(faulty));
    expect(error).toBe("unavailable");
    // A HEAD's answer has no words.
    expect(said).toMatch(name === "head" && fault === "error" ? /answered 500/ : message);
    expect(await text(store, "key")).toBe("before");
    proxy.fail("none");
    expect(await failure(call(faulty))).toEqual(["none", ""]);
  });
});

test("an answer that is cut is an error of the body, never a shorter object", async () => {
  await store.put("key", contentOf(noise(2_000_000)), putOptions());
  for (const cutAfter of [5_000, 500_000, 1_999_999]) {
    proxy.fail({ cutAfter });
    const found = await faulty.get("key", {});
    if (found?.body === undefined) throw new Error("nothing to read");
    const [error, said] = await failure(new Response(found.body).arrayBuffer());
    expect([error, said]).toEqual(["unavailable", "The S3 server broke off its answer."]);
  }
});

test("an answer that stops is an error of the body after a while", async () => {
  await store.put("key", contentOf(noise(2_000_000)), putOptions());
  proxy.fail({ stallAfter: 300_000 });
  const found = await faulty.get("key", {});
  if (found?.body === undefined) throw new Error("nothing to read");
  expect(await failure(new Response(found.body).arrayBuffer())).toEqual([
    "unavailable",
    "The S3 server did nothing for 1 seconds.",
  ]);
});

test("a reader that takes its time is no fault of the server's", async () => {
  await store.put("key", contentOf(noise(3_000_000)), putOptions());
  const found = await faulty.get("key", {});
  if (found?.body === undefined) throw new Error("nothing to read");
  let bytes = 0;
  let pauses = 0;
  for await (const chunk of found.body) {
    bytes += chunk.byteLength;
    // Longer than the patience, of which none is used up here.
    if (pauses++ === 0) await Bun.sleep(1_500);
  }
  expect(bytes).toBe(3_000_000);
});

test("a put during which the server breaks off leaves what was there", async () => {
  await store.put("key", contentOf("before"), putOptions());
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent === 4) proxy.fail("none");
      if (sent++ < 20) controller.enqueue(noise(100_000));
      else controller.close();
    },
  });
  expect((await failure(faulty.put("key", { body, size: 2_000_000 }, putOptions())))[0]).toBe("unavailable");
  expect(await text(store, "key")).toBe("before");
});

test("idle connections that the server has closed are no error", async () => {
  for (let round = 0; round < 20; round++) {
    await faulty.put("key", contentOf(noise(100_000)), putOptions());
    expect((await faulty.head("key"))?.size).toBe(100_000);
    // Ends those that are kept, and lets new ones pass.
    proxy.fail("none");
  }
});

test("credentials that the server refuses are called so", async () => {
  const wrong = new S3Store(new S3Client({ ...swift.options, secretAccessKey: "wrong" }), "");
  const [error, said] = await failure(wrong.list({ prefix: "", limit: 1, metadata: false }));
  expect(error).toBe("unavailable");
  expect(said).toBe("The S3 server refused the bucket's credentials: 403 (SignatureDoesNotMatch).");
});

test("a bucket that the server does not have is called so", async () => {
  const wrong = new S3Store(new S3Client({ ...swift.options, bucket: "nowhere" }), "");
  expect(await failure(wrong.put("key", contentOf("x"), putOptions()))).toEqual([
    "unavailable",
    "The S3 server has no bucket of the name that this one was set up with.",
  ]);
});
