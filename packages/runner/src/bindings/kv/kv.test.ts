import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { KVNamespace } from "@cloudflare/workers-types";
import type { Binding, KvNamespaceId } from "@openworkers/core";
import { createResource, type Database, ensureOperator, putKvEntry, sweepKv } from "@openworkers/db";
import { type TestDatabase, withTestDatabase } from "@openworkers/db/testing";
import { type BindingCells, bindingCells, resultOf } from "../testing/binding-cells.ts";

let test_: TestDatabase;
let database: Database;
let cells: BindingCells;
let namespaceId: KvNamespaceId;
let bindings: Readonly<Record<string, Binding>>;
let count = 0;

beforeAll(async () => {
  test_ = await withTestDatabase();
  database = test_.database;
  cells = await bindingCells(database);
});
afterAll(async () => {
  await cells[Symbol.asyncDispose]();
  await test_[Symbol.asyncDispose]();
});
beforeEach(async () => {
  bindings = { KV: await newNamespace() };
});

async function newNamespace(): Promise<Binding> {
  const { id: by } = await ensureOperator(database);
  const id = await createResource(database, "kv", { name: `test-${++count}`, by });
  namespaceId = id;
  return { kind: "kv", namespaceId: id };
}

interface Env {
  readonly KV: KVNamespace;
  readonly OTHER: KVNamespace;
}

/** Runs in a cell of its own: with `env` and the request, and nothing of this file. */
const run = (inside: (env: Env, request: Request) => unknown) => cells.run(bindings, inside as never);

const bytes = (text: string) => new TextEncoder().encode(text);
const put = (key: string, value: string, more: { expiresAt?: Date; metadata?: string } = {}) =>
  putKvEntry(
    database,
    { namespaceId, key: bytes(key), expiresAt: more.expiresAt, metadata: more.metadata },
    bytes(value),
  );

describe("get and put", () => {
  test("a value comes back as every type, whatever it was put as", async () => {
    const result = await run(async ({ KV }) => {
      await KV.put("text", '{"a":"ü"}');
      await KV.put("bytes", new Uint8Array([0, 255, 128, 10]).buffer);
      await KV.put("view", new Uint8Array([9, 1, 2, 9]).subarray(1, 3));
      await KV.put("stream", new Response("streamed").body as never);
      await KV.put("empty", "");
      return {
        text: await KV.get("text"),
        json: await KV.get("text", "json"),
        options: await KV.get("text", { type: "json", cacheTtl: 60 }),
        bytes: [...new Uint8Array((await KV.get("bytes", "arrayBuffer")) ?? new ArrayBuffer(0))],
        view: [...new Uint8Array((await KV.get("view", "arrayBuffer")) ?? new ArrayBuffer(0))],
        stream: await new Response((await KV.get("stream", "stream")) as never).text(),
        empty: await KV.get("empty"),
        missing: await KV.get("missing"),
      };
    });
    expect(result).toEqual({
      text: '{"a":"ü"}',
      json: { a: "ü" },
      options: { a: "ü" },
      bytes: [0, 255, 128, 10],
      view: [1, 2],
      stream: "streamed",
      empty: "",
      missing: null,
    });
  });

  test("metadata comes back with the value, and in lists, in any script and of any kind", async () => {
    const result = await run(async ({ KV }) => {
      const metadata = { text: "grüße 漢字 🎉 \u0000 \n", list: [1, null] };
      await KV.put("a", "1", { metadata });
      await KV.put("b", "2", { metadata: "text" });
      await KV.put("c", "3");
      const found = await KV.getWithMetadata("a");
      const { keys } = await KV.list();
      return {
        same: JSON.stringify(found.metadata) === JSON.stringify(metadata),
        value: found.value,
        keys: keys.map(({ name, metadata: listed }) => [
          name,
          JSON.stringify(listed) === JSON.stringify(metadata) || listed,
        ]),
        none: await KV.getWithMetadata("c"),
        missing: await KV.getWithMetadata("missing"),
      };
    });
    expect(result).toEqual({
      same: true,
      value: "1",
      keys: [
        ["a", true],
        ["b", "text"],
        ["c", null],
      ],
      none: { value: "3", metadata: null, cacheStatus: null },
      missing: { value: null, metadata: null, cacheStatus: null },
    });
  });

  test("a put replaces value, metadata and expiry together; a delete leaves nothing", async () => {
    const result = await run(async ({ KV }) => {
      await KV.put("a", "1", { metadata: 1, expirationTtl: 60 });
      await KV.put("a", "2");
      const { keys } = await KV.list();
      await KV.delete("a");
      await KV.delete("never was");
      return [keys, await KV.get("a"), (await KV.list()).keys];
    });
    expect(result).toEqual([[{ name: "a" }], null, []]);
  });

  test("keys are any text, each its own", async () => {
    const keys = [
      "a/b",
      "a%2Fb",
      "a b",
      "a+b",
      "%",
      "%25",
      "100%_x",
      "?x=y#z",
      "../x",
      "..%2f",
      "./.",
      "\\",
      "é",
      "e\u0301",
      "漢字",
      "🎉",
      "\u0000",
      "a\u0000b",
      "\n",
      "bulk/get",
      "__proto__",
      " ",
      "\u007f",
      "|^[]'\"`{}<>",
      "k".repeat(512),
      "ü".repeat(256),
    ];
    const result = await run(
      new Function(
        "{ KV }",
        `return (async () => {
          const keys = ${JSON.stringify(keys)};
          for (const key of keys) await KV.put(key, "value of " + key);
          const wrong = [];
          for (const key of keys) if ((await KV.get(key)) !== "value of " + key) wrong.push(key);
          const listed = (await KV.list()).keys.map(({ name }) => name);
          for (const key of keys) await KV.delete(key);
          return { wrong, listed, left: (await KV.list()).keys };
        })()`,
      ) as never,
    );
    const sorted = keys.toSorted((a, b) => Buffer.compare(bytes(a), bytes(b)));
    expect(result).toEqual({ wrong: [], listed: sorted, left: [] });
  });

  test("several keys come at once, in text or JSON, with or without metadata", async () => {
    await put("a", '{"x":1}', { metadata: '{"m":"é"}' });
    await put("b", "2");
    const result = await run(async ({ KV }) => {
      const text = await KV.get(["b", "a", "missing", "b"]);
      const json = await KV.get(["a", "b"], "json");
      const both = await KV.getWithMetadata(["a", "missing"]);
      return [[...text], [...json], [...both]];
    });
    expect(result).toEqual([
      [
        ["b", "2"],
        ["a", '{"x":1}'],
        ["missing", null],
      ],
      [
        ["a", { x: 1 }],
        ["b", 2],
      ],
      [
        ["a", { value: '{"x":1}', metadata: { m: "é" } }],
        ["missing", null],
      ],
    ]);
  });

  test("several keys come at once with large values among them, whose characters chunks divide", async () => {
    const result = await run(async ({ KV }) => {
      const text = `a"\n${"漢\u{1f389}".repeat(300_000)}`;
      await KV.put("large", text);
      await KV.put("json", JSON.stringify({ text }));
      await KV.put("small", "s");
      const found = await KV.get(["small", "large", "missing"]);
      const { metadata, value } =
        (await KV.getWithMetadata<{ text: string }>(["json"], "json")).get("json") ?? {};
      return [
        found.get("small"),
        found.get("large") === text,
        found.get("missing"),
        value?.text === text,
        metadata,
      ];
    });
    expect(result).toEqual(["s", true, null, true, null]);
  });

  test("several keys of more than 25 MiB together are refused, and a large one that is not JSON as JSON", async () => {
    const result = await run(async ({ KV }) => {
      const half = "x".repeat(13 * 2 ** 20);
      await KV.put("a", half);
      await KV.put("b", half);
      const message = (error: Error) => error.message;
      return [await KV.get(["a", "b"]).catch(message), await KV.get(["a"], "json").catch(message)];
    });
    expect(result).toEqual([
      "KV GET_BULK failed: 413 Payload Too Large",
      "KV GET_BULK failed: 400 Bad Request",
    ]);
  });
});

describe("what is refused, with Cloudflare's status", () => {
  const refusals: [string, (env: Env) => unknown, string][] = [
    ["an empty key", ({ KV }) => KV.get(""), "TypeError: Key name cannot be empty."],
    ["the key .", ({ KV }) => KV.put(".", "x"), 'TypeError: "." is not allowed as a key name.'],
    ["the key ..", ({ KV }) => KV.delete(".."), 'TypeError: ".." is not allowed as a key name.'],
    [
      "a key of 513 bytes",
      ({ KV }) => KV.put("k".repeat(513), "x"),
      "Error: KV PUT failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512.",
    ],
    [
      "a value larger than 25 MiB",
      ({ KV }) => KV.put("k", new Uint8Array(25 * 2 ** 20 + 1)),
      "Error: KV PUT failed: 413 Payload Too Large",
    ],
    [
      "a stream that turns out to be larger than 25 MiB",
      ({ KV }) => {
        let left = 26;
        const body = new ReadableStream({
          pull(controller) {
            if (left-- > 0) controller.enqueue(new Uint8Array(2 ** 20));
            else controller.close();
          },
        });
        return KV.put("k", body as never);
      },
      "Error: KV PUT failed: 413 Payload Too Large",
    ],
    [
      "metadata of 1,025 bytes",
      ({ KV }) => KV.put("k", "x", { metadata: "m".repeat(1_023) }),
      "Error: KV PUT failed: 413 Payload Too Large",
    ],
    [
      "a TTL below 60 s",
      ({ KV }) => KV.put("k", "x", { expirationTtl: 59 }),
      "Error: KV PUT failed: 400 Bad Request",
    ],
    [
      "an expiration in the past",
      ({ KV }) => KV.put("k", "x", { expiration: 1 }),
      "Error: KV PUT failed: 400 Bad Request",
    ],
    [
      "a cacheTtl below 30 s",
      ({ KV }) => KV.get("k", { cacheTtl: 29 }),
      "Error: KV GET failed: 400 Bad Request",
    ],
    [
      "a list of more than 1,000",
      ({ KV }) => KV.list({ limit: 1_001 }),
      "Error: KV GET failed: 400 Bad Request",
    ],
    [
      "101 keys at once",
      ({ KV }) => KV.get(Array.from({ length: 101 }, (_, index) => `k${index}`)),
      "Error: KV GET_BULK failed: 400 Bad Request",
    ],
    [
      "several keys as what is not JSON",
      async ({ KV }) => {
        await KV.put("a", "not JSON");
        return KV.get(["a"], "json");
      },
      "Error: KV GET_BULK failed: 400 Bad Request",
    ],
    [
      "several keys as streams",
      ({ KV }) => KV.get(["a"], "stream" as never),
      "Error: KV GET_BULK failed: 400 Bad Request",
    ],
  ];
  test.each(refusals)("%s", async (_, inside, message) => {
    expect(
      await run(inside).then(
        () => "nothing",
        ({ message }) => message,
      ),
    ).toBe(message);
  });

  test("a key of 512 bytes, metadata of 1,024 and a value of 25 MiB are not", async () => {
    const result = await run(async ({ KV }) => {
      await KV.put("k".repeat(512), new Uint8Array(25 * 2 ** 20).fill(7), { metadata: "m".repeat(1_022) });
      const { value, metadata } = await KV.getWithMetadata<string>("k".repeat(512), "arrayBuffer");
      return [
        value?.byteLength,
        new Uint8Array(value ?? new ArrayBuffer(0)).every((byte) => byte === 7),
        metadata?.length,
      ];
    });
    expect(result).toEqual([25 * 2 ** 20, true, 1_022]);
  });
});

describe("list", () => {
  test("goes through all pages in the order of bytes, and under a prefix that is taken as it is", async () => {
    for (const key of ["a%", "a%1", "a_", "aXb", "b", "a", "a\u{10ffff}", "é"]) await put(key, "x");
    const result = await run(async ({ KV }) => {
      const pages: (string[] | boolean)[] = [];
      let cursor: string | undefined;
      do {
        const page: Awaited<ReturnType<typeof KV.list>> = await KV.list({ limit: 3, cursor: cursor ?? null });
        pages.push(page.keys.map(({ name }) => name));
        cursor = page.list_complete ? undefined : page.cursor;
      } while (cursor !== undefined);
      const names = async (prefix: string) => (await KV.list({ prefix })).keys.map(({ name }) => name);
      return { pages, percent: await names("a%"), underscore: await names("a_"), none: await names("zz") };
    });
    expect(result).toEqual({
      pages: [
        ["a", "a%", "a%1"],
        ["aXb", "a_", "a\u{10ffff}"],
        ["b", "é"],
      ],
      percent: ["a%", "a%1"],
      underscore: ["a_"],
      none: [],
    });
  });

  test("is complete when as many keys are there as were asked for", async () => {
    await put("a", "x");
    await put("b", "x");
    const result = await run(async ({ KV }) => await KV.list({ limit: 2 }));
    expect(result).toEqual({ keys: [{ name: "a" }, { name: "b" }], list_complete: true, cacheStatus: null });
  });

  test("does not go on with the cursor of another prefix, nor with an invented one", async () => {
    for (const key of ["a1", "a2", "b1"]) await put(key, "x");
    const result = await run(async ({ KV }) => {
      const page = await KV.list({ prefix: "a", limit: 1 });
      const cursor = page.list_complete ? "" : page.cursor;
      const status = (prefix: string, given: string) =>
        KV.list({ prefix, cursor: given }).then(
          () => "listed",
          (error) => error.message,
        );
      return [
        await status("b", cursor),
        await status("a", "AAAA"),
        await status("a", "é"),
        await status("a", cursor),
      ];
    });
    const refused = "KV GET failed: 400 Bad Request";
    expect(result).toEqual([refused, refused, refused, "listed"]);
  });
});

describe("expiry", () => {
  test("an entry that has expired is seen by nothing, before any sweep", async () => {
    const past = new Date(Date.now() - 1_000);
    const soon = new Date(Math.floor(Date.now() / 1_000) * 1_000 + 100_000);
    await put("past", "x", { expiresAt: past });
    await put("soon", "y", { expiresAt: soon });
    const result = await run(async ({ KV }) => [
      await KV.get("past"),
      [...(await KV.get(["past", "soon"]))],
      (await KV.list()).keys,
    ]);
    expect(result).toEqual([
      null,
      [
        ["past", null],
        ["soon", "y"],
      ],
      [{ name: "soon", expiration: soon.getTime() / 1_000 }],
    ]);
    const { signal } = new AbortController();
    expect((await sweepKv(database, { keepMs: 0, signal })).entries).toBe(1);
  });

  test("a TTL counts from now", async () => {
    const before = Math.floor(Date.now() / 1_000);
    const [key] = (await run(async ({ KV }) => {
      await KV.put("a", "x", { expirationTtl: 60 });
      return (await KV.list()).keys;
    })) as { expiration: number }[];
    expect(key?.expiration).toBeGreaterThanOrEqual(before + 60);
    expect(key?.expiration).toBeLessThanOrEqual(Math.floor(Date.now() / 1_000) + 60);
  });
});

test("one namespace shows nothing of another", async () => {
  await put("secret", "of the first");
  bindings = { ...bindings, OTHER: await newNamespace() };
  const result = await run(async ({ KV, OTHER }) => {
    await OTHER.put("mine", "x");
    return [
      await OTHER.get("secret"),
      [...(await OTHER.get(["secret"]))],
      (await OTHER.list()).keys,
      await KV.get("mine"),
    ];
  });
  expect(result).toEqual([null, [["secret", null]], [{ name: "mine" }], null]);
});

describe("a put that dies half-way", () => {
  test("because the worker's stream fails leaves what was there", async () => {
    const result = await run(async ({ KV }) => {
      await KV.put("k", "old");
      const errors: string[] = [];
      for (const size of [10, 100_000, 3_000_000]) {
        let sent = 0;
        const body = new ReadableStream({
          async pull(controller) {
            if (sent >= size) {
              await new Promise((resolve) => setTimeout(resolve, 5));
              throw new Error("the source failed");
            }
            const chunk = new Uint8Array(Math.min(65_536, size - sent));
            sent += chunk.byteLength;
            controller.enqueue(chunk);
          },
        });
        await KV.put("k", body as never).catch((error) => errors.push(error.message));
      }
      return [errors.length, await KV.get("k")];
    });
    expect(result).toEqual([3, "old"]);
  });

  test("because the cell is killed leaves what was there", async () => {
    await put("k", "old");
    await using cell = await cells.start(bindings, (async ({ KV }: Env, request: Request) => {
      await KV.put("k", request.body as never);
      return "put";
    }) as never);
    const half = Promise.withResolvers<void>();
    let chunks = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (chunks++ < 40) controller.enqueue(new Uint8Array(65_536));
        else half.resolve();
      },
    });
    const answer = cell.fetch("/", { method: "POST", body }).then(resultOf);
    answer.catch(() => {});
    await half.promise;
    cell.cell.kill();
    await cell.cell.exited;
    await expect(answer).rejects.toThrow();
    expect(await run(async ({ KV }) => await KV.get("k"))).toBe("old");
  });
});
