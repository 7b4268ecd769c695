import { describe, expect, test } from "bun:test";
import { queueConsumerSettings } from "@openworkers/core";
import { putStream } from "../../storage/put-stream.ts";
import { chunks, codeOf, input, type Subject, textOf } from "./subject.ts";

const noMetadata = { http: {}, custom: {}, storageClass: "Standard" };

/** Namespaces, buckets, databases, crons and queues, and what is in them. */
export function resourcesContract(subject: () => Subject): void {
  describe("a KV namespace", () => {
    test("is made once, listed, and deleted when no worker binds it", async () => {
      const { backend } = subject();
      const made = await backend.createKvNamespace("pairs");
      expect(made).toMatchObject({ name: "pairs", owner: expect.any(String), createdAt: expect.any(Date) });
      expect(await codeOf(backend.createKvNamespace("pairs"))).toBe("CONFLICT");
      expect(await codeOf(backend.createKvNamespace("no name!"))).toBe("INVALID_NAME");
      expect(await backend.kvNamespaces()).toEqual([made]);
      await backend.deploy(input({ bindings: new Map([["KV", { kind: "kv", namespace: "pairs" }]]) }));
      expect(await codeOf(backend.deleteKvNamespace("pairs"))).toBe("CONFLICT");
      await backend.deleteWorker("hello");
      await backend.deleteKvNamespace(made.id);
      expect(await backend.kvNamespaces()).toEqual([]);
      expect(await codeOf(backend.kv("pairs"))).toBe("NOT_FOUND");
    });

    test("keeps values of any bytes with metadata and expiry, and lists keys in the order of their bytes", async () => {
      const { backend } = subject();
      await backend.createKvNamespace("pairs");
      const kv = await backend.kv("pairs");
      const expiration = Math.floor(Date.now() / 1_000) + 3_600;
      await kv.put("a/ä?&#%", chunks("one, ", "two"), { metadata: { n: [1] }, expiration });
      await kv.put("b", chunks(""));
      const found = await kv.get("a/ä?&#%");
      expect(found).toMatchObject({ name: "a/ä?&#%", metadata: { n: [1] }, expiration });
      expect(await textOf(found?.value ?? chunks("nothing"))).toBe("one, two");
      expect(await textOf((await kv.get("b"))?.value ?? chunks("nothing"))).toBe("");
      expect(await kv.get("c")).toBeUndefined();
      expect(await Array.fromAsync(kv.list(""))).toEqual([
        { name: "a/ä?&#%", expiration, metadata: { n: [1] } },
        { name: "b" },
      ]);
      expect(await Array.fromAsync(kv.list("b"))).toEqual([{ name: "b" }]);
      await kv.delete("b");
      await kv.delete("b");
      expect(await kv.get("b")).toBeUndefined();
    });

    test("lists more keys than fit on a page, each once", async () => {
      const { backend } = subject();
      await backend.createKvNamespace("pairs");
      const kv = await backend.kv("pairs");
      const names = Array.from({ length: 120 }, (_, index) => `k${String(index).padStart(3, "0")}`);
      for (const name of names) await kv.put(name, chunks(name));
      const listed = await Array.fromAsync(kv.list("k"));
      expect(listed.map(({ name }) => name)).toEqual(names);
    });

    test("refuses keys and times that KV does not take", async () => {
      const { backend } = subject();
      await backend.createKvNamespace("pairs");
      const kv = await backend.kv("pairs");
      expect(await codeOf(kv.put("", chunks("x")))).toBe("INVALID_INPUT");
      expect(await codeOf(kv.put("k".repeat(513), chunks("x")))).toBe("KEY_TOO_LONG");
      expect(await codeOf(kv.put("k", chunks("x"), { expirationTtl: 1 }))).toBe("INVALID_INPUT");
    });
  });

  describe("a bucket", () => {
    test("is made, listed and deleted, with objects in it that are read as they were written", async () => {
      const { backend } = subject();
      const made = await backend.createBucket("files");
      expect(made).toMatchObject({ name: "files", createdAt: expect.any(Date) });
      expect(await codeOf(backend.createBucket("files"))).toBe("CONFLICT");
      expect((await backend.buckets()).map(({ id, name }) => [id, name])).toEqual([[made.id, "files"]]);
      const { store } = await backend.bucket("files");
      const { signal } = new AbortController();
      const metadata = {
        ...noMetadata,
        http: { contentType: "text/plain", cacheControl: "max-age=5" },
        custom: { by: "ada" },
      };
      await putStream(store, "a/ä b?.txt", chunks("one, ", "two"), metadata, signal);
      await putStream(store, "a/c", chunks("c"), noMetadata, signal);
      await putStream(store, "d", chunks("d"), noMetadata, signal);
      const found = await store.get("a/ä b?.txt", {});
      expect(found?.object).toMatchObject({
        key: "a/ä b?.txt",
        size: 8,
        http: { contentType: "text/plain", cacheControl: "max-age=5" },
        custom: { by: "ada" },
      });
      expect(await textOf(found?.body ?? chunks("nothing"))).toBe("one, two");
      expect(await store.head("a/c")).toMatchObject({ key: "a/c", size: 1, uploadedAt: expect.any(Date) });
      expect(await store.head("nothing")).toBeUndefined();
      expect(await store.get("nothing", {})).toBeUndefined();
      const list = await store.list({ prefix: "", delimiter: "/", limit: 10, metadata: false });
      expect(list.entries.map((entry) => ("prefix" in entry ? entry.prefix : entry.object.key))).toEqual([
        "a/",
        "d",
      ]);
      const first = await store.list({ prefix: "", limit: 2, metadata: false });
      expect([first.entries.length, first.more]).toEqual([2, true]);
      const rest = await store.list({ prefix: "", after: { key: "a/ä b?.txt" }, limit: 2, metadata: false });
      expect(rest.entries.map((entry) => ("object" in entry ? entry.object.key : ""))).toEqual(["d"]);
      expect(rest.more).toBe(false);
      await store.delete(["a/c", "nothing"]);
      expect(await store.head("a/c")).toBeUndefined();
      await backend.deleteBucket(made.id);
      expect(await codeOf(backend.bucket("files"))).toBe("NOT_FOUND");
    });
  });

  describe("a database", () => {
    test("is made, renamed, limited, and begun to be deleted; a copy of it first", async () => {
      const { databases } = subject().backend;
      const { id, name } = await databases.create({ name: "shop", limits: { statementMs: 2_000 } });
      expect(name).toBe("shop");
      expect(await codeOf(databases.create({ name: "shop", limits: {} }))).toBe("CONFLICT");
      expect(await databases.get("shop")).toMatchObject({
        id,
        kind: "platform",
        state: "wanted",
        createdAt: expect.any(Date),
        limits: { statementMs: 2_000, connections: 10 },
        tokens: [],
      });
      expect((await databases.get("shop")).users ?? []).toEqual([]);
      await databases.rename(id, "store");
      expect((await databases.limit("store", { connections: 3 })).connections).toBe(3);
      expect((await databases.list()).map((each) => [each.name, each.limits.connections])).toEqual([
        ["store", 3],
      ]);
      expect(await codeOf(databases.limit("store", { connections: 0 }))).toBe("INVALID_LIMIT");
      await databases.create({ name: "copy", limits: {}, fork: "store" });
      expect(await codeOf(databases.delete("store", { keepDump: true }))).toBe("CONFLICT");
      await databases.delete("copy", { keepDump: false });
      expect(await databases.delete("store", { keepDump: true })).toMatchObject({ id, name: "store" });
      expect(await databases.deletion(id)).toMatchObject({ done: false, failure: null });
      expect(await codeOf(databases.get("store"))).toBe("NOT_FOUND");
    });

    test("has tokens, whose texts are told once", async () => {
      const { databases } = subject().backend;
      const { id } = await databases.create({ name: "shop", limits: {} });
      const expiresAt = new Date(Date.now() + 60_000);
      const made = await databases.createToken("shop", { name: "laptop", scope: "read-only", expiresAt });
      expect(made).toMatchObject({ database: { id, name: "shop" } });
      expect(made.token.length).toBeGreaterThan(20);
      const { tokens } = await databases.get("shop");
      expect(tokens).toMatchObject([{ name: "laptop", scope: "read-only", expiresAt }]);
      expect(JSON.stringify(tokens)).not.toContain(made.token);
      expect(await codeOf(databases.createToken("shop", { name: "laptop", scope: "owner" }))).toBe(
        "CONFLICT",
      );
      await databases.revokeToken("shop", "laptop");
      expect((await databases.get("shop")).tokens).toEqual([]);
      expect(await codeOf(databases.revokeToken("shop", "laptop"))).toBe("NOT_FOUND");
    });
  });

  test("a cron is added, changed, paused, resumed, run and removed", async () => {
    const { backend } = subject();
    const { crons } = backend;
    await backend.deploy(input({ crons: ["0 0 1 1 *"] }));
    const added = await crons.add({
      worker: "hello",
      expression: "*/5 * * * *",
      timezone: "Europe/Berlin",
      policy: { retries: 2 },
    });
    expect(added).toMatchObject({
      worker: "hello",
      timezone: "Europe/Berlin",
      retries: 2,
      source: "user",
      nextDue: expect.any(Date),
    });
    const twice = { worker: "hello", expression: "*/5 * * * *", timezone: "Europe/Berlin", policy: {} };
    expect(await codeOf(crons.add(twice))).toBe("CONFLICT");
    expect(await codeOf(crons.add({ ...twice, expression: "never" }))).toBe("INVALID_INPUT");
    const which = { worker: "hello", cron: "*/5 * * * *" };
    expect((await crons.change(which, { overlap: "skip" })).overlap).toBe("skip");
    expect(await crons.pause({ worker: "hello", cron: added.id })).toMatchObject({
      paused: true,
      nextDue: null,
    });
    expect((await crons.resume(which)).nextDue).toBeInstanceOf(Date);
    const run = await crons.run(which);
    expect((await crons.event("hello", run.id)).id).toBe(run.id);
    expect((await crons.history("hello", { limit: 5 })).map(({ id }) => id)).toEqual([run.id]);
    expect((await crons.list("hello")).map(({ source }) => source)).toEqual(["manifest", "user"]);
    expect((await crons.list()).length).toBe(2);
    expect((await crons.remove(which)).id).toBe(added.id);
    expect(await codeOf(crons.remove(which))).toBe("NOT_FOUND");
    expect(await codeOf(crons.list("nobody"))).toBe("NOT_FOUND");
  });

  test("a queue is made, sent to, paused, given a consumer and deleted", async () => {
    const { backend } = subject();
    const { queues } = backend;
    await backend.deploy(input());
    const made = await queues.create("orders");
    expect(made).toMatchObject({ name: "orders", paused: false, delayed: 0, consumer: undefined });
    expect(await codeOf(queues.create("orders"))).toBe("CONFLICT");
    await queues.pause("orders", true);
    const body = new TextEncoder().encode(`{"id":1}`);
    const id = await queues.send("orders", { contentType: "json", body, delaySeconds: 0 });
    expect(id.length).toBeGreaterThan(10);
    await queues.send(made.id, { contentType: "bytes", body: new Uint8Array([0, 255]), delaySeconds: 60 });
    expect(await queues.get("orders")).toMatchObject({ id: made.id, paused: true, delayed: 2 });
    await queues.setConsumer("orders", "hello", queueConsumerSettings({ maxBatchSize: 5 }));
    expect(
      (await queues.list()).map(({ name, consumer }) => [name, consumer?.worker, consumer?.settings]),
    ).toEqual([["orders", "hello", expect.objectContaining({ maxBatchSize: 5, maxRetries: 3 })]]);
    expect(await codeOf(queues.delete("orders"))).toBe("CONFLICT");
    await queues.removeConsumer("orders");
    await queues.purge("orders");
    await queues.pause("orders", false);
    await queues.delete("orders");
    expect(await queues.list()).toEqual([]);
    expect(await codeOf(queues.get("orders"))).toBe("NOT_FOUND");
  });
}
