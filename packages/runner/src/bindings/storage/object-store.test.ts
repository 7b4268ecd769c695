import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  type BucketId,
  checksumAlgorithms,
  type ListOptions,
  newId,
  type ObjectStore,
  type StoredObject,
  storageErrorName,
} from "@openworkers/core";
import { ensureOperator, PostgresStore } from "@openworkers/db";
import { withTestDatabase } from "@openworkers/db/testing";
import { S3Client } from "./s3/s3-client.ts";
import { S3Store } from "./s3/s3-store.ts";
import { startSwift } from "./s3/testing/swift.ts";
import { contentOf, digest, noise, putOptions } from "./testing/content.ts";

/** What makes an empty bucket of one kind. */
interface Backend extends AsyncDisposable {
  bucket(): Promise<ObjectStore>;
}

const backends: Record<string, () => Promise<Backend>> = {
  async PostgreSQL() {
    const fixture = await withTestDatabase();
    const { id: owner } = await ensureOperator(fixture.database);
    return {
      async bucket() {
        const id = newId<"bucket">() as BucketId;
        await fixture.database.write((transaction) =>
          transaction
            .insertInto("storage_buckets")
            .values({ id, owner_id: owner, name: `bucket-${id}` })
            .execute(),
        );
        // Small chunks: what is read and written takes several.
        return new PostgresStore(fixture.database, id, { chunkBytes: 10_000 });
      },
      [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
    };
  },
  async "OpenStack Swift's S3 API"() {
    const server = await startSwift();
    const client = new S3Client(server.options);
    return {
      bucket: async () => new S3Store(client, `${newId()}/`),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
};

const mebibyte = 2 ** 20;

for (const [name, open] of Object.entries(backends)) {
  describe(`objects in ${name}`, () => {
    let backend: Backend;
    let store: ObjectStore;
    beforeAll(async () => {
      backend = await open();
    });
    afterAll(() => backend[Symbol.asyncDispose]());
    beforeEach(async () => {
      store = await backend.bucket();
    });

    const put = async (
      key: string,
      value: string | Uint8Array = key,
      options = {},
    ): Promise<StoredObject> => {
      const stored = await store.put(key, contentOf(value), putOptions(options));
      if (stored === undefined) throw new Error("the put's condition did not hold");
      return stored;
    };
    const read = async (key: string, options: Parameters<ObjectStore["get"]>[1] = {}): Promise<Buffer> => {
      const found = await store.get(key, options);
      if (found?.body === undefined) throw new Error(`nothing to read at ${key}`);
      const bytes = Buffer.from(await new Response(found.body).arrayBuffer());
      expect(bytes.byteLength).toBe(found.range.length);
      return bytes;
    };
    const names = async (options: Partial<ListOptions> = {}): Promise<string[]> => {
      const { entries } = await store.list({ prefix: "", limit: 1_000, metadata: false, ...options });
      return entries.map((entry) => ("prefix" in entry ? `[${entry.prefix}]` : entry.object.key));
    };
    const failure = async (promise: Promise<unknown>): Promise<string | undefined> =>
      promise.then(
        () => "none",
        (thrown: unknown) => storageErrorName(thrown),
      );

    test("come back as they were put, with their metadata", async () => {
      const value = noise(123_456);
      const metadata = {
        http: {
          contentType: "text/plain; charset=utf-8",
          contentLanguage: "de",
          contentDisposition: 'attachment; filename="a.txt"',
          contentEncoding: "gzip",
          cacheControl: "max-age=60",
          cacheExpiryMs: 1_800_000_000_000,
        },
        custom: { name: "value", Other: "ü ✓", spaces: " a  b " },
        storageClass: "InfrequentAccess",
      };
      const stored = await put("a/b.txt", value, metadata);
      const found = await store.get("a/b.txt", {});
      const head = await store.head("a/b.txt");
      expect(Buffer.from(await new Response(found?.body ?? null).arrayBuffer()).equals(value)).toBe(true);
      for (const object of [stored, found?.object, head]) {
        expect(object).toMatchObject({
          key: "a/b.txt",
          size: value.byteLength,
          etag: digest("md5", value),
          checksums: { md5: digest("md5", value) },
          ...metadata,
        });
      }
      expect(head?.version).toBe(stored.version);
    });

    test("without metadata have none", async () => {
      await put("plain");
      expect(await store.head("plain")).toMatchObject({ custom: {}, storageClass: "Standard" });
      expect((await store.head("plain"))?.http.contentType).toBeUndefined();
    });

    test("that are not there are not found, and deleting them is fine", async () => {
      expect(await store.head("nothing")).toBeUndefined();
      expect(await store.get("nothing", {})).toBeUndefined();
      await store.delete(["nothing", "nobody"]);
      await store.delete([]);
    });

    test("may be empty", async () => {
      await put("empty", "");
      expect(await read("empty")).toHaveLength(0);
      expect(await read("empty", { range: { offset: 0 } })).toHaveLength(0);
      expect(await store.head("empty")).toMatchObject({ size: 0 });
    });

    test("have any key that is UTF-8", async () => {
      const keys = [
        " ",
        "%2F",
        "a+b c",
        "a//b",
        "/a",
        "a/",
        "ü/✓/🙂",
        "?x=y#z",
        "a&b<c>'\"",
        "new\nline",
        "%",
        "100%_x",
      ];
      for (const key of keys) await put(key, `content of ${key}`);
      for (const key of keys) expect((await read(key)).toString()).toBe(`content of ${key}`);
      expect((await names()).sort()).toEqual(keys.toSorted());
      await store.delete(keys);
      expect(await names()).toEqual([]);
    });

    test("are replaced as a whole", async () => {
      const first = await put("key", noise(50_000), { custom: { old: "1" } });
      const second = await put("key", "new");
      expect(second.version).not.toBe(first.version);
      expect((await read("key")).toString()).toBe("new");
      expect(await store.head("key")).toMatchObject({ size: 3, custom: {} });
    });

    test("put at the same time are one of them, whole", async () => {
      const values = Array.from({ length: 8 }, (_, index) => noise(60_000 + index, `${index}`));
      await Promise.all(values.map((value) => put("key", value)));
      const winner = await read("key");
      expect(values.some((value) => winner.equals(value))).toBe(true);
      const head = await store.head("key");
      expect(head).toMatchObject({ size: winner.byteLength, etag: digest("md5", winner) });
    });

    test("are read on to their end when they are replaced or deleted meanwhile", async () => {
      const value = noise(3 * mebibyte);
      await put("key", value);
      const found = await store.get("key", {});
      if (found?.body === undefined) throw new Error("nothing to read");
      const reader = found.body.getReader();
      const pieces = [(await reader.read()).value ?? new Uint8Array()];
      await put("key", "other");
      await store.delete(["key"]);
      for (let next = await reader.read(); !next.done; next = await reader.read()) pieces.push(next.value);
      expect(Buffer.concat(pieces).equals(value)).toBe(true);
    });

    describe("of which a range is asked for", () => {
      const value = noise(45_678);
      const cases: [string, Parameters<ObjectStore["get"]>[1]["range"], [number, number] | "invalidRange"][] =
        [
          ["from an offset", { offset: 45_000 }, [45_000, 45_678]],
          ["of a length", { length: 10 }, [0, 10]],
          ["within one chunk", { offset: 12, length: 30 }, [12, 42]],
          ["over several chunks", { offset: 9_999, length: 20_002 }, [9_999, 30_001]],
          ["at the seam of chunks", { offset: 10_000, length: 10_000 }, [10_000, 20_000]],
          ["beyond the end", { offset: 45_670, length: 100 }, [45_670, 45_678]],
          ["at the end", { suffix: 5 }, [45_673, 45_678]],
          ["longer than the whole at the end", { suffix: 100_000 }, [0, 45_678]],
          ["by a header", { header: "bytes=100-199" }, [100, 200]],
          ["by an open header", { header: "bytes=45600-" }, [45_600, 45_678]],
          ["by a header from the end", { header: "bytes=-8" }, [45_670, 45_678]],
          ["by a header of several ranges", { header: "bytes=0-1,4-5" }, [0, 45_678]],
          ["by a header of nonsense", { header: "lines=1-2" }, [0, 45_678]],
          ["by a header with blanks", { header: " Bytes = 100 - 199 " }, [100, 200]],
          // Minutes, for a pattern that may divide blanks as it likes.
          [
            "by a header of blanks",
            { header: `bytes=${" ".repeat(5_000)}-${" ".repeat(5_000)}x` },
            [0, 45_678],
          ],
          ["after the end", { offset: 45_678 }, "invalidRange"],
          ["far after the end", { offset: 1_000_000, length: 1 }, "invalidRange"],
          ["by a header after the end", { header: "bytes=50000-50010" }, "invalidRange"],
          ["of nothing", { suffix: 0 }, "invalidRange"],
        ];
      test.each(cases)("%s", async (_, range, expected) => {
        await put("key", value);
        if (expected === "invalidRange") {
          expect(await failure(store.get("key", { range }))).toBe(expected);
          return;
        }
        const found = await store.get("key", { range });
        expect(found?.body === undefined ? undefined : found.range).toEqual({
          offset: expected[0],
          length: expected[1] - expected[0],
        });
        expect((await read("key", { range })).equals(value.subarray(...expected))).toBe(true);
        expect(found?.object.size).toBe(value.byteLength);
        await found?.body?.cancel();
      });
    });

    describe("under a condition", () => {
      const strong = (value: string) => [{ type: "strong", value } as const];
      const wildcard = [{ type: "wildcard" } as const];

      test("are read when it holds", async () => {
        const { etag, uploadedAt } = await put("key", "value");
        const hour = 3_600_000;
        const [before, after] = [uploadedAt.getTime() - hour, uploadedAt.getTime() + hour];
        const holds = [
          { etagMatches: strong(etag) },
          { etagMatches: wildcard },
          { etagDoesNotMatch: strong("other") },
          { uploadedBeforeMs: after },
          { uploadedAfterMs: before },
          { etagMatches: strong(etag), uploadedBeforeMs: before },
          { etagDoesNotMatch: strong("other"), uploadedAfterMs: after },
        ];
        const fails = [
          { etagMatches: strong("other") },
          { etagMatches: [{ type: "weak" as const, value: etag }] },
          { etagDoesNotMatch: strong(etag) },
          { etagDoesNotMatch: [{ type: "weak" as const, value: etag }] },
          { etagDoesNotMatch: wildcard },
          { uploadedBeforeMs: before },
          { uploadedAfterMs: after },
          { etagMatches: strong("other"), uploadedBeforeMs: after },
        ];
        for (const onlyIf of holds) expect((await read("key", { onlyIf })).toString()).toBe("value");
        for (const onlyIf of fails) {
          const found = await store.get("key", { onlyIf });
          expect([onlyIf, found?.body]).toEqual([onlyIf, undefined]);
          expect(found?.object.etag).toBe(etag);
        }
      });

      test("are written when it holds, and otherwise stay", async () => {
        const make = (value: string, onlyIf: Parameters<typeof putOptions>[0]) =>
          store.put("key", contentOf(value), putOptions(onlyIf));
        expect(await make("none", { onlyIf: { etagMatches: wildcard } })).toBeUndefined();
        expect(await make("none", { onlyIf: { uploadedAfterMs: 0 } })).toBeUndefined();
        expect(await store.head("key")).toBeUndefined();
        const first = await make("one", { onlyIf: { etagDoesNotMatch: wildcard } });
        expect(first).toMatchObject({ size: 3 });
        expect(await make("two", { onlyIf: { etagDoesNotMatch: wildcard } })).toBeUndefined();
        expect((await read("key")).toString()).toBe("one");
        expect(await make("three", { onlyIf: { etagMatches: strong(first?.etag ?? "") } })).toBeDefined();
        expect(await make("four", { onlyIf: { etagMatches: strong(first?.etag ?? "") } })).toBeUndefined();
        expect((await read("key")).toString()).toBe("three");
      });

      test("of being new are written by one of many", async () => {
        const made = await Promise.all(
          Array.from({ length: 6 }, (_, index) =>
            store.put("key", contentOf(`${index}`), putOptions({ onlyIf: { etagDoesNotMatch: wildcard } })),
          ),
        );
        const winners = made.flatMap((object, index) => (object === undefined ? [] : [`${index}`]));
        expect(winners).toContain((await read("key")).toString());
        expect(winners).toHaveLength(1);
      });

      test("of being unchanged are written by one of many", async () => {
        const { etag } = await put("key", "first");
        const made = await Promise.all(
          Array.from({ length: 6 }, (_, index) =>
            store.put("key", contentOf(`${index}`), putOptions({ onlyIf: { etagMatches: strong(etag) } })),
          ),
        );
        const winners = made.flatMap((object, index) => (object === undefined ? [] : [`${index}`]));
        expect(winners).toContain((await read("key")).toString());
        expect(winners).toHaveLength(1);
      });
    });

    describe("that are not what was announced", () => {
      test.each(checksumAlgorithms)(
        "by their %s are refused, and what was there stays",
        async (algorithm) => {
          await put("key", "before");
          const value = noise(70_000);
          const wrong = { checksums: { [algorithm]: digest(algorithm, "else") } };
          expect(await failure(store.put("key", contentOf(value), putOptions(wrong)))).toBe("badDigest");
          expect((await read("key")).toString()).toBe("before");
          const right = { checksums: { [algorithm]: digest(algorithm, value) } };
          expect(await put("key", value, right)).toMatchObject(right);
          expect(await store.head("key")).toMatchObject(right);
        },
      );

      test.each([
        ["too short", 100],
        ["too long", -100],
      ])("by being %s are refused, and what was there stays", async (_, missing) => {
        await put("key", "before");
        const content = contentOf(noise(50_000));
        const cut = store.put("key", { ...content, size: content.size + missing }, putOptions());
        expect(await failure(cut)).toBe("incompleteBody");
        expect((await read("key")).toString()).toBe("before");
        expect(await names()).toEqual(["key"]);
      });

      test("by a sender that breaks off are refused, and what was there stays", async () => {
        await put("key", "before");
        let sent = 0;
        const body = new ReadableStream<Uint8Array>({
          pull(controller) {
            if (sent++ < 3) controller.enqueue(noise(20_000));
            else controller.error(new Error("the sender has left"));
          },
        });
        const cut = store.put("key", { body, size: 100_000 }, putOptions());
        await expect(cut).rejects.toThrow();
        expect((await read("key")).toString()).toBe("before");
      });
    });

    describe("in a list", () => {
      test("come in the order of their bytes", async () => {
        // In UTF-16, the last two are the other way round.
        const keys = ["A", "B", "a", "a!", "a/", "a/b", "b", "ü", "\uFF5E", "🙂"];
        for (const key of keys.toReversed()) await put(key);
        expect(await names()).toEqual(keys);
      });

      test("have what a head has", async () => {
        const custom = { one: "1", Two: "ü" };
        await put("key", "value", { custom, http: { contentType: "text/plain" } });
        const head = await store.head("key");
        const { entries } = await store.list({ prefix: "", limit: 10, metadata: true });
        expect(entries).toEqual([{ object: head as StoredObject }]);
      });

      test("are those with the prefix, whatever characters it has", async () => {
        for (const key of ["a_b", "aXb", "a%", "a%b", "a\\b", "a", "b", "A_b"]) await put(key);
        expect(await names({ prefix: "a" })).toEqual(["a", "a%", "a%b", "aXb", "a\\b", "a_b"]);
        expect(await names({ prefix: "a_" })).toEqual(["a_b"]);
        expect(await names({ prefix: "a%" })).toEqual(["a%", "a%b"]);
        expect(await names({ prefix: "a\\" })).toEqual(["a\\b"]);
        expect(await names({ prefix: "c" })).toEqual([]);
      });

      test("come in groups", async () => {
        const keys = ["a", "b/1", "b/2", "b/c/3", "c", "d/", "d/4", "ü/5"];
        for (const key of keys) await put(key);
        expect(await names({ delimiter: "/" })).toEqual(["a", "[b/]", "c", "[d/]", "[ü/]"]);
        expect(await names({ delimiter: "/", prefix: "b/" })).toEqual(["b/1", "b/2", "[b/c/]"]);
        expect(await names({ delimiter: "/", prefix: "d" })).toEqual(["[d/]"]);
      });

      test.each([[undefined], ["/"]])("come in pages, grouped by %p", async (delimiter) => {
        const keys = Array.from(
          { length: 23 },
          (_, index) => `${String.fromCodePoint(97 + (index % 5))}/${index}`,
        );
        keys.push("a", "c", "zz");
        for (const key of keys) await put(key);
        const whole = await names({ delimiter });
        for (const limit of [1, 2, 7, 30]) {
          const seen: string[] = [];
          let after: ListOptions["after"];
          for (let more = true; more; ) {
            const page = await store.list({ prefix: "", delimiter, after, limit, metadata: false });
            expect(page.entries.length).toBeLessThanOrEqual(limit);
            for (const entry of page.entries) {
              seen.push("prefix" in entry ? `[${entry.prefix}]` : entry.object.key);
              after = "prefix" in entry ? { prefix: entry.prefix } : { key: entry.object.key };
            }
            more = page.more;
          }
          expect(seen).toEqual(whole);
        }
        expect(whole).toHaveLength(delimiter === undefined ? 26 : 8);
      });

      test("begin after a key, which need not be there", async () => {
        for (const key of ["a", "b", "c"]) await put(key);
        expect(await names({ after: { key: "a" } })).toEqual(["b", "c"]);
        expect(await names({ after: { key: "aa" } })).toEqual(["b", "c"]);
        expect(await names({ after: { key: "c" } })).toEqual([]);
      });
    });

    describe("in parts", () => {
      const metadata = { http: { contentType: "text/plain" }, custom: { a: "1" }, storageClass: "Standard" };
      const begin = async (key = "key") => ({ key, id: await store.createUpload(key, metadata) });
      const part = (upload: { key: string; id: string }, number: number, value: string | Uint8Array) =>
        store.uploadPart(upload, number, contentOf(value), {});

      test("are one object when they are complete, and nothing before", async () => {
        const [one, two] = [noise(5 * mebibyte, "one"), noise(5 * mebibyte, "two")];
        const upload = await begin();
        // Not in their order.
        const last = await part(upload, 30, "the end");
        const second = await part(upload, 2, two);
        const first = await part(upload, 1, one);
        expect(first).toBe(digest("md5", one));
        expect(await store.head("key")).toBeUndefined();
        expect(await names()).toEqual([]);
        const object = await store.completeUpload(upload, [
          { part: 2, etag: second },
          { part: 30, etag: last },
          { part: 1, etag: first },
        ]);
        const whole = Buffer.concat([one, two, Buffer.from("the end")]);
        const digests = Buffer.from(
          digest("md5", one) + digest("md5", two) + digest("md5", "the end"),
          "hex",
        );
        expect(object).toMatchObject({
          size: whole.byteLength,
          etag: `${digest("md5", digests)}-3`,
          ...metadata,
        });
        expect((await read("key")).equals(whole)).toBe(true);
        const seam = { offset: 5 * mebibyte - 10, length: 5 * mebibyte + 20 };
        expect(
          (await read("key", { range: seam })).equals(whole.subarray(seam.offset, seam.offset + seam.length)),
        ).toBe(true);
        expect((await read("key", { range: { suffix: 9 } })).equals(whole.subarray(-9))).toBe(true);
        await put("key", "small again");
        expect((await read("key")).toString()).toBe("small again");
      });

      test("that are uploaded again are the later ones", async () => {
        const upload = await begin();
        await part(upload, 1, "first try");
        const etag = await part(upload, 1, "second try");
        await store.completeUpload(upload, [{ part: 1, etag }]);
        expect((await read("key")).toString()).toBe("second try");
      });

      test("that are missing, forged or doubled make no object", async () => {
        const upload = await begin();
        const etag = await part(upload, 1, "part");
        const wrong = [
          [],
          [{ part: 2, etag }],
          [{ part: 1, etag: digest("md5", "else") }],
          [
            { part: 1, etag },
            { part: 1, etag },
          ],
        ];
        for (const parts of wrong) {
          expect(await failure(store.completeUpload(upload, parts))).toBe("invalidPart");
        }
        expect(await store.head("key")).toBeUndefined();
        await store.completeUpload(upload, [{ part: 1, etag }]);
        expect((await read("key")).toString()).toBe("part");
      });

      test("must have R2's sizes", async () => {
        const make = async (sizes: number[]): Promise<string | undefined> => {
          const upload = await begin();
          const parts = [];
          for (const [index, size] of sizes.entries()) {
            parts.push({ part: index + 1, etag: await part(upload, index + 1, noise(size)) });
          }
          const result = await failure(store.completeUpload(upload, parts));
          await store.abortUpload(upload);
          return result;
        };
        expect(await make([mebibyte, 10])).toBe("entityTooSmall");
        expect(await make([5 * mebibyte, 5 * mebibyte + 1])).toBe("badUpload");
        expect(await make([5 * mebibyte, 6 * mebibyte, 10])).toBe("badUpload");
        expect(await make([10])).toBe("none");
      });

      test("that are aborted are gone, and may be aborted again", async () => {
        const upload = await begin();
        const etag = await part(upload, 1, "part");
        await store.abortUpload(upload);
        await store.abortUpload(upload);
        expect(await failure(part(upload, 2, "late"))).toBe("noSuchUpload");
        expect(await failure(store.completeUpload(upload, [{ part: 1, etag }]))).toBe("noSuchUpload");
        expect(await names()).toEqual([]);
      });

      test("of an upload that there is not, or of another key, are refused", async () => {
        const upload = await begin();
        for (const other of [
          { ...upload, key: "other" },
          { ...upload, id: newId() },
          { ...upload, id: "../x" },
          { ...upload, id: "x y" },
          { ...upload, id: "" },
        ]) {
          expect([other, await failure(part(other, 1, "part"))]).toEqual([other, "noSuchUpload"]);
        }
      });
    });

    test("of one bucket are not another's, whatever their keys", async () => {
      const other = await backend.bucket();
      await other.put("secret", contentOf("of somebody else"), putOptions());
      for (const key of [
        "../secret",
        "x/../../secret",
        "./secret",
        "..",
        "a/..",
        "%2e%2e/secret",
        "..\\secret",
      ]) {
        const found = await store.get(key, {}).catch((thrown: unknown) => storageErrorName(thrown));
        expect([key, found === undefined || found === "invalidObjectName"]).toEqual([key, true]);
      }
      expect(await names()).toEqual([]);
      expect(await names({ prefix: "../" })).toEqual([]);
    });
  });
}
