import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { BucketId, Content } from "@openworkers/core";
import { sql } from "kysely";
import { createResource, deleteResource } from "../stores/resources.ts";
import { platform, rejection } from "../stores/testing/fixtures.ts";
import { PostgresStore } from "./postgres-store.ts";
import { sweepStorage } from "./sweep.ts";

let fixture: Awaited<ReturnType<typeof platform>>;
let bucketId: BucketId;
let store: PostgresStore;
beforeEach(async () => {
  fixture = await platform();
  bucketId = await createResource(fixture.database, "storage", { name: "files", by: fixture.ada });
  store = new PostgresStore(fixture.database, bucketId, { chunkBytes: 10_000 });
});
afterEach(() => fixture[Symbol.asyncDispose]());

const metadata = { http: {}, custom: {}, storageClass: "Standard" };
const options = { ...metadata, checksums: {} };
const contentOf = (length: number): Content => ({
  body: new Blob([new Uint8Array(length)]).stream(),
  size: length,
});

/** Rows in all that a bucket's objects lie in. */
async function rows(): Promise<{ blobs: number; chunks: number }> {
  const { rows } = await fixture.database.read((queries) =>
    sql<{ blobs: number; chunks: number }>`
      select (select count(*) from storage_blobs) as blobs, (select count(*) from storage_chunks) as chunks`.execute(
      queries,
    ),
  );
  return rows[0] ?? { blobs: -1, chunks: -1 };
}

const nothing = { blobs: 0, chunks: 0 };
/** At once, instead of after minutes. */
const now = { idleMs: -1_000 };

describe("the sweep removes", () => {
  test("what was replaced and deleted, and nothing else", async () => {
    await store.put("kept", contentOf(25_000), options);
    await store.put("replaced", contentOf(25_000), options);
    await store.put("replaced", contentOf(5_000), options);
    await store.put("deleted", contentOf(25_000), options);
    await store.delete(["deleted"]);
    expect(await sweepStorage(fixture.database)).toMatchObject({ blobs: 0 });
    expect(await sweepStorage(fixture.database, now)).toMatchObject({ blobs: 2 });
    expect(await rows()).toEqual({ blobs: 2, chunks: 4 });
    const found = await store.get("kept", {});
    expect((await new Response(found?.body ?? null).arrayBuffer()).byteLength).toBe(25_000);
  });

  test("what a killed process had written, of which nothing could be seen", async () => {
    const script = join(import.meta.dir, "testing", "put-for-ever.ts");
    const child = Bun.spawn([process.execPath, script, fixture.url, bucketId], {
      stdout: "inherit",
      stderr: "inherit",
    });
    while ((await rows()).chunks < 20) await Bun.sleep(5);
    child.kill("SIGKILL");
    await child.exited;
    expect(await store.head("killed")).toBeUndefined();
    expect((await store.list({ prefix: "", limit: 10, metadata: false })).entries).toEqual([]);
    // The server finishes the statement that was under way.
    while ((await sweepStorage(fixture.database, now)).blobs === 0) await Bun.sleep(5);
    expect(await rows()).toEqual(nothing);
  });

  test("what puts leave that fail at any point", async () => {
    const broken = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(30_000));
        controller.error(new Error("gone"));
      },
    });
    await rejection(store.put("a", { body: broken, size: 99_999 }, options));
    await rejection(store.put("a", { ...contentOf(30_000), size: 29_000 }, options));
    await rejection(store.put("a", contentOf(30_000), { ...options, checksums: { md5: "0".repeat(32) } }));
    await store.put("a", contentOf(30_000), { ...options, onlyIf: { etagMatches: [{ type: "wildcard" }] } });
    await sweepStorage(fixture.database, now);
    expect(await rows()).toEqual(nothing);
  });

  test("the parts of uploads that are over or older than a week, and leaves those of others", async () => {
    const begin = async (key: string) => ({ key, id: await store.createUpload(key, metadata) });
    const [done, aborted, old, open] = [
      await begin("a"),
      await begin("b"),
      await begin("c"),
      await begin("d"),
    ];
    for (const upload of [done, aborted, old, open]) {
      await store.uploadPart(upload, 1, contentOf(5_000));
      await store.uploadPart(upload, 2, contentOf(5_000));
    }
    const again = await store.uploadPart(done, 1, contentOf(15_000));
    await store.completeUpload(done, [{ part: 1, etag: again }]);
    await store.abortUpload(aborted);
    await fixture.database.write((transaction) =>
      transaction
        .updateTable("storage_uploads")
        .set({ created_at: sql`now() - interval '8 days'` } as never)
        .where("id", "=", old.id)
        .execute(),
    );
    await sweepStorage(fixture.database, now);
    // Of the finished one, its one part of two chunks; of the open one, both parts.
    expect(await rows()).toEqual({ blobs: 3, chunks: 4 });
    expect(await rejection(store.uploadPart(old, 1, contentOf(1)))).toMatchObject({
      details: { storage: "noSuchUpload" },
    });
  });

  test("all of a bucket that is deleted", async () => {
    await store.put("a", contentOf(30_000), options);
    await store.uploadPart({ key: "b", id: await store.createUpload("b", metadata) }, 1, contentOf(5));
    await deleteResource(fixture.database, "storage", { nameOrId: "files", by: fixture.ada });
    await sweepStorage(fixture.database, now);
    expect(await rows()).toEqual(nothing);
    expect(await rejection(store.put("a", contentOf(1), options))).toMatchObject({
      details: { storage: "noSuchBucket" },
    });
  });
});

test("a put whose connections PostgreSQL ends fails, leaves what was there, and the next one succeeds", async () => {
  await store.put("key", contentOf(7), options);
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (++sent === 5) {
        // A transaction of ours would end with the rest.
        await fixture.database
          .read((queries) =>
            sql`select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and backend_type = 'client backend'`.execute(queries),
          )
          .catch(() => {});
      }
      if (sent > 200) controller.close();
      else controller.enqueue(new Uint8Array(20_000));
    },
  });
  const failed = await rejection(store.put("key", { body, size: 4_000_000 }, options)).catch(() => undefined);
  // A pool that had none of its connections in use at that moment lost nothing.
  if (failed === undefined) expect((await store.head("key"))?.size).toBe(4_000_000);
  else {
    expect(failed).toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    expect((await store.head("key"))?.size).toBe(7);
  }
  await store.put("key", contentOf(8), options);
  expect((await store.head("key"))?.size).toBe(8);
  await sweepStorage(fixture.database, now);
  expect(await rows()).toEqual({ blobs: 1, chunks: 1 });
});
