import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type {
  R2Bucket,
  R2Objects,
  Blob as WorkerBlob,
  Headers as WorkerHeaders,
  FixedLengthStream as WorkerStream,
} from "@cloudflare/workers-types";
import type { Binding, BucketId } from "@openworkers/core";
import { createResource, createS3Bucket, ensureOperator } from "@openworkers/db";
import { type TestDatabase, withTestDatabase } from "@openworkers/db/testing";
import { type BindingCells, bindingCells, type Inside, resultOf } from "../testing/binding-cells.ts";
import { startSwift, type TestS3 } from "./s3/testing/swift.ts";

// The runtime's own: what runs inside a cell is only text here.
declare const Blob: typeof WorkerBlob;
declare const FixedLengthStream: typeof WorkerStream;
declare const Headers: typeof WorkerHeaders;

let fixture: TestDatabase;
let cells: BindingCells;
let swift: TestS3;
beforeAll(async () => {
  fixture = await withTestDatabase();
  swift = await startSwift();
  // A user's own server is where the operator's guard lets it be; here, on this machine.
  const judge = async () => ({ address: "127.0.0.1" });
  cells = await bindingCells(fixture.database, { storage: { judge } });
}, 60_000);
afterAll(async () => {
  await cells[Symbol.asyncDispose]();
  await swift[Symbol.asyncDispose]();
  await fixture[Symbol.asyncDispose]();
}, 60_000);

let made = 0;
const kinds: Record<string, () => Promise<BucketId>> = {
  async "in the database"() {
    const { id: by } = await ensureOperator(fixture.database);
    return createResource(fixture.database, "storage", { name: `bucket-${++made}`, by });
  },
  async "on a server of its owner's"() {
    const { id: by } = await ensureOperator(fixture.database);
    const name = `bucket-${++made}`;
    const { endpoint, bucket, region, accessKeyId, secretAccessKey } = swift.options;
    const place = { endpoint, bucket, region, prefix: `${name}/` };
    const keys = { accessKeyId, secretAccessKey };
    return (await createS3Bucket(fixture.database, { name, by, place, keys })).id;
  },
};

for (const [kind, create] of Object.entries(kinds)) {
  describe(`a bucket ${kind}`, () => {
    const run = async (inside: Inside): Promise<unknown> =>
      cells.run({ BUCKET: { kind: "storage", bucketId: await create() } }, inside);

    test("takes strings, buffers, blobs, streams of known length and null", async () => {
      const inside = async ({ BUCKET: bucket }: { BUCKET: R2Bucket }) => {
        const { readable, writable } = new FixedLengthStream(6);
        const writer = writable.getWriter();
        void writer.write(new TextEncoder().encode("stream")).then(() => writer.close());
        await bucket.put("string", "ström");
        await bucket.put("buffer", new TextEncoder().encode("buffer").buffer);
        await bucket.put("view", new TextEncoder().encode("_view_").subarray(1, 5));
        await bucket.put("blob", new Blob(["bl", "ob"]));
        await bucket.put("stream", readable);
        await bucket.put("null", null);
        const texts: Record<string, string | undefined> = {};
        for (const { key } of (await bucket.list()).objects)
          texts[key] = await (await bucket.get(key))?.text();
        return texts;
      };
      expect(await run(inside)).toEqual({
        blob: "blob",
        buffer: "buffer",
        null: "",
        stream: "stream",
        string: "ström",
        view: "view",
      });
    });

    test("gives back an R2Object with everything on it", async () => {
      const inside = async ({ BUCKET: bucket }: { BUCKET: R2Bucket }) => {
        await bucket.put("dir/ü.txt", "hello", {
          httpMetadata: new Headers({ "content-type": "text/plain", "cache-control": "no-store" }),
          customMetadata: { Name: "wért" },
        });
        const object = await bucket.get("dir/ü.txt", { range: new Headers({ range: "bytes=1-3" }) });
        const headers = new Headers();
        object?.writeHttpMetadata(headers);
        const head = await bucket.head("dir/ü.txt");
        return {
          key: object?.key,
          size: object?.size,
          range: object?.range,
          text: await object?.text(),
          etag: object?.httpEtag,
          headers: Object.fromEntries(headers),
          custom: head?.customMetadata,
          http: head?.httpMetadata,
          md5: head?.checksums.toJSON(),
          storageClass: head?.storageClass,
          recent: Math.abs((head?.uploaded.getTime() ?? 0) - Date.now()) < 3_600_000,
          sameVersion: head?.version === object?.version && head?.version !== "",
        };
      };
      const md5 = "5d41402abc4b2a76b9719d911017c592";
      expect(await run(inside)).toEqual({
        key: "dir/ü.txt",
        size: 5,
        range: { offset: 1, length: 3 },
        text: "ell",
        etag: `"${md5}"`,
        headers: { "cache-control": "no-store", "content-type": "text/plain" },
        custom: { Name: "wért" },
        http: { contentType: "text/plain", cacheControl: "no-store" },
        md5: { md5 },
        storageClass: "Standard",
        recent: true,
        sameVersion: true,
      });
    });

    test("fails in R2's words and with its numbers, and goes on working", async () => {
      const inside = async ({ BUCKET: bucket }: { BUCKET: R2Bucket }) => {
        const said: Record<string, string> = {};
        const attempt = async (name: string, work: () => Promise<unknown>) => {
          said[name] = await work().then(
            (value) => `no error: ${JSON.stringify(value)}`,
            (error: Error) => error.message.split("\n")[0] ?? "",
          );
        };
        await bucket.put("key", "value");
        await attempt("no key", () => bucket.put("", "x"));
        await attempt("long key, long body", () => bucket.put("x".repeat(1_025), new Uint8Array(20_000_000)));
        await attempt("checksum", () => bucket.put("key", "x", { md5: "0".repeat(32) }));
        await attempt("range", () => bucket.get("key", { range: { offset: 10 } }));
        await attempt("limit", () => bucket.list({ limit: 1_001 }));
        await attempt("cursor", () => bucket.list({ cursor: "x" }));
        await attempt("metadata", () => bucket.put("key", "x", { customMetadata: { a: "x".repeat(9_000) } }));
        await attempt("encryption", () => bucket.put("key", "x", { ssecKey: "00".repeat(32) }));
        await attempt("upload", () => bucket.resumeMultipartUpload("key", "none").uploadPart(1, "x"));
        await attempt("part", async () =>
          (await bucket.createMultipartUpload("key")).uploadPart(10_001, "x"),
        );
        await attempt("small part", async () => {
          const upload = await bucket.createMultipartUpload("key");
          const parts = [await upload.uploadPart(1, "x"), await upload.uploadPart(2, "y")];
          await upload.complete(parts);
        });
        await attempt("condition", () => bucket.put("key", "x", { onlyIf: { etagMatches: "other" } }));
        said.afterwards = (await (await bucket.get("key"))?.text()) ?? "nothing";
        return said;
      };
      const invalidName = "put: The specified object name is not valid. (10020)";
      expect(await run(inside)).toEqual({
        "no key": invalidName,
        "long key, long body": invalidName,
        checksum: "put: The MD5 checksum you specified did not match what we received.",
        range: "get: The requested range is not satisfiable (10039)",
        limit: "list: MaxKeys params must be positive integer <= 1000. (10022)",
        cursor: "list: The cursor is not one that list() gave. (10029)",
        metadata: "put: Your metadata headers exceed the maximum allowed metadata size. (10012)",
        encryption: "put: Encryption with a key of your own (ssecKey) is not available here. (10029)",
        upload: "uploadPart: The specified multipart upload does not exist. (10024)",
        part: "Part number must be between 1 and 10000 (inclusive). Actual value was: 10001",
        "small part":
          "completeMultipartUpload: Your proposed upload is smaller than the minimum allowed object size. (10011)",
        condition: "no error: null",
        afterwards: "value",
      });
    });

    test("answers conditions as headers, and a failed one without a body", async () => {
      const inside = async ({ BUCKET: bucket }: { BUCKET: R2Bucket }) => {
        const etag = (await bucket.put("key", "value"))?.httpEtag ?? "";
        const get = (headers: Record<string, string>) => bucket.get("key", { onlyIf: new Headers(headers) });
        const results = [
          await get({ "if-none-match": etag }),
          await get({ "if-match": etag }),
          await get({ "if-modified-since": new Date(Date.now() + 3_600_000).toUTCString() }),
          await get({ "if-unmodified-since": new Date(Date.now() + 3_600_000).toUTCString() }),
        ];
        const bodies = results.map((object) => object !== null && "body" in object);
        return bodies;
      };
      expect(await run(inside)).toEqual([false, true, false, true]);
    });

    test("lists in pages that a cursor goes on from, in groups and with metadata", async () => {
      const inside = async ({ BUCKET: bucket }: { BUCKET: R2Bucket }) => {
        for (const key of ["a", "b/1", "b/2", "c/1", "d"])
          await bucket.put(key, key, { customMetadata: { key } });
        const pages = [];
        let cursor: string | undefined;
        do {
          const page: R2Objects = await bucket.list({
            delimiter: "/",
            limit: 2,
            ...(cursor ? { cursor } : {}),
          });
          pages.push([page.objects.map(({ key }) => key), page.delimitedPrefixes]);
          cursor = page.truncated ? page.cursor : undefined;
        } while (cursor);
        const { objects } = await bucket.list({ prefix: "b/", include: ["customMetadata"] });
        const after = (await bucket.list({ startAfter: "c" })).objects.map(({ key }) => key);
        return { pages, metadata: objects.map(({ customMetadata }) => customMetadata), after };
      };
      expect(await run(inside)).toEqual({
        pages: [
          [["a"], ["b/"]],
          [["d"], ["c/"]],
        ],
        metadata: [{ key: "b/1" }, { key: "b/2" }],
        after: ["c/1", "d"],
      });
    });

    test("deletes a thousand keys at once, and no more", async () => {
      const inside = async ({ BUCKET: bucket }: { BUCKET: R2Bucket }) => {
        await bucket.put("key 1", "x");
        const keys = Array.from({ length: 1_000 }, (_, index) => `key ${index}`);
        await bucket.delete(keys);
        const more = await bucket.delete([...keys, "one more"]).catch((error: Error) => error.message);
        return [(await bucket.list()).objects.length, more];
      };
      expect(await run(inside)).toEqual([0, "delete: delete() takes at most 1000 keys. (10029)"]);
    });

    test("streams an object from one bucket into another, and a multipart upload over two requests", async () => {
      const bindings: Record<string, Binding> = {
        BUCKET: { kind: "storage", bucketId: await create() },
        OTHER: { kind: "storage", bucketId: await create() },
      };
      await using cell = await cells.start(
        bindings,
        async ({ BUCKET: bucket, OTHER: other }: { BUCKET: R2Bucket; OTHER: R2Bucket }, request: Request) => {
          const path = new URL(request.url).pathname;
          if (path === "/begin") return (await bucket.createMultipartUpload("big")).uploadId;
          if (path === "/part") {
            const upload = bucket.resumeMultipartUpload("big", await request.text());
            const parts = [
              await upload.uploadPart(1, new Uint8Array(5 * 2 ** 20).fill(1)),
              await upload.uploadPart(2, "tail"),
            ];
            return (await upload.complete(parts)).size;
          }
          const found = await bucket.get("big");
          await other.put("copy", found?.body ?? null);
          const copy = await other.get("copy", { range: { suffix: 6 } });
          return [copy?.size, [...new Uint8Array((await copy?.arrayBuffer()) ?? new ArrayBuffer())]];
        },
      );
      const id = await resultOf(await cell.fetch("/begin"));
      const body = String(id);
      expect(await resultOf(await cell.fetch("/part", { method: "POST", body }))).toBe(5 * 2 ** 20 + 4);
      expect(await resultOf(await cell.fetch("/copy"))).toEqual([
        5 * 2 ** 20 + 4,
        [1, 1, ...Buffer.from("tail")],
      ]);
    });
  });
}

test("keys and address of an own server are in no answer, whatever fails", async () => {
  const { id: by } = await ensureOperator(fixture.database);
  const place = {
    endpoint: "http://127.0.0.1:9/hidden-path",
    bucket: "hidden-bucket",
    region: "x",
    prefix: "",
  };
  const keys = { accessKeyId: "hidden-id", secretAccessKey: "hidden-secret" };
  const { id: bucketId } = await createS3Bucket(fixture.database, { name: "unreachable", by, place, keys });
  const said = await cells
    .run({ BUCKET: { kind: "storage", bucketId } }, ({ BUCKET: bucket }: { BUCKET: R2Bucket }) =>
      bucket.put("k", "v"),
    )
    .catch(String);
  expect(said).toContain("(10043)");
  expect(said).not.toMatch(/hidden|127\.0\.0\.1|:9\b/);
});
