import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { findSandbox } from "../../cells/sandbox/find-sandbox.ts";
import { program, type TestCell, type TestCells, testCells } from "../../cells/testing/test-cells.ts";
import { Broker } from "../broker.ts";
import { resultOf, sourceOf } from "../testing/binding-cells.ts";
import { Cache } from "./cache.ts";

const mebibyte = 2 ** 20;
/** The largest body is a quarter of it. */
const limits = { totalBytes: 16 * mebibyte, workerBytes: 8 * mebibyte };

let broker: Broker;
let cells: TestCells;
let count = 0;
beforeAll(async () => {
  broker = new Broker({ handlers: new Map(), cache: new Cache(limits), report() {} });
  cells = await testCells(findSandbox("bubblewrap"), broker);
});
afterAll(async () => {
  await cells[Symbol.asyncDispose]();
  await broker[Symbol.asyncDispose]();
});

/** What the worker has: a cache, and an address that no other test uses. */
interface Inside {
  readonly cache: CacheOf;
  readonly url: string;
}
type CacheOf = {
  match(request: Request | string): Promise<Response | undefined>;
  put(request: Request | string, response: unknown): Promise<void>;
  delete(request: Request | string): Promise<boolean>;
};

function start(inside: (it: Inside) => unknown, options = {}): Promise<TestCell> {
  const url = `https://cache.example/${++count}`;
  const source = `const it = { cache: caches.default, url: ${JSON.stringify(url)} };
    ${sourceOf(inside as never).replace("inside(env, request)", "inside(it)")}`;
  return cells.start(program(source, options));
}

async function run(inside: (it: Inside) => unknown, options = {}): Promise<unknown> {
  await using cell = await start(inside, options);
  return await resultOf(await cell.fetch());
}

describe("a response", () => {
  test.each(["2021-06-01", "2026-09-01"])("is put, matched and deleted at %s", async (date) => {
    const result = await run(
      async ({ cache, url }) => {
        const before = await cache.match(url);
        const response = new Response("x".repeat(1e5), {
          status: 203,
          headers: { "cache-control": "max-age=60", "x-mine": "é", "content-type": "text/plain" },
        });
        const copy = response.clone();
        await cache.put(url, copy);
        const found = await cache.match(url);
        return [
          before === undefined,
          copy.bodyUsed,
          (await response.text()) === (await found?.text()),
          found?.status,
          found?.headers.get("x-mine"),
          found?.headers.get("cf-cache-status"),
          Number(found?.headers.get("age")) < 60,
          await cache.delete(url),
          await cache.delete(url),
          (await cache.match(url)) === undefined,
        ];
      },
      { date },
    );
    expect(result).toEqual([true, true, true, 203, "é", "HIT", true, true, false, true]);
  });

  test("is stored as it streams, byte for byte, and empty as well", async () => {
    const result = await run(async ({ cache, url }) => {
      const headers = { "cache-control": "max-age=60" };
      let left = 30;
      const body = new ReadableStream({
        pull(controller) {
          if (left-- > 0) controller.enqueue(new Uint8Array(50_000).map((_, index) => index * left));
          else controller.close();
        },
      });
      const response = new Response(body, { headers });
      const copy = response.clone();
      await Promise.all([cache.put(url, response), copy.clone().arrayBuffer()]);
      const digest = async (of: { arrayBuffer(): Promise<ArrayBuffer> } | undefined) =>
        [
          ...new Uint8Array(
            await crypto.subtle.digest("SHA-256", (await of?.arrayBuffer()) ?? new ArrayBuffer(0)),
          ),
        ].join();
      await cache.put(`${url}/empty`, new Response(null, { headers }));
      const empty = await cache.match(`${url}/empty`);
      return [
        (await digest(copy)) === (await digest(await cache.match(url))),
        empty?.status,
        await empty?.text(),
      ];
    });
    expect(result).toEqual([true, 200, ""]);
  });

  test("is its cache's own, its scheme's, its host's and its query's", async () => {
    const result = await run(async ({ cache, url }) => {
      const names = {
        open: (name: string): Promise<CacheOf> => Reflect.get(globalThis, "caches").open(name),
      };
      const [one, two] = [await names.open("one"), await names.open("two")];
      const put = (to: CacheOf, at: string, text: string) =>
        to.put(at, new Response(text, { headers: { "cache-control": "max-age=60" } }));
      await put(one, url, "one");
      await put(cache, url, "default");
      const text = async (from: CacheOf, at: string) => (await (await from.match(at))?.text()) ?? "miss";
      return [
        await text(one, url),
        await text(two, url),
        await text(cache, url),
        await text(cache, url.replace("https", "http")),
        await text(cache, url.replace("cache.example", "other.example")),
        await text(cache, `${url}?query`),
      ];
    });
    expect(result).toEqual(["one", "miss", "default", "miss", "miss", "miss"]);
  });

  test("is kept as long as its headers say, and no longer", async () => {
    const result = await run(async ({ cache, url }) => {
      const stored: string[] = [];
      const attempt = async (name: string, headers: Record<string, string>, init: ResponseInit = {}) => {
        const at = `${url}/${name}`;
        await cache.put(at, new Response("x", { ...init, headers }));
        if ((await cache.match(at)) !== undefined) stored.push(name);
      };
      const date = (seconds: number) => new Date(Date.now() + seconds * 1_000).toUTCString();
      await attempt("max-age", { "cache-control": "max-age=60" });
      await attempt("s-maxage", { "cache-control": "max-age=0, s-maxage=60" });
      await attempt("expires", { expires: date(60) });
      await attempt("private=set-cookie", {
        "cache-control": "private=Set-Cookie, max-age=60",
        "set-cookie": "a=1",
      });
      await attempt("404", { "cache-control": "max-age=60" }, { status: 404 });
      await attempt("nothing", {});
      await attempt("expired", { expires: date(-60) });
      await attempt("max-age=0", { "cache-control": "max-age=0" });
      await attempt("no-store", { "cache-control": "no-store, max-age=60" });
      await attempt("private", { "cache-control": "private, max-age=60" });
      await attempt("no-cache", { "cache-control": "no-cache, max-age=60" });
      await attempt("set-cookie", { "cache-control": "max-age=60", "set-cookie": "a=1" });
      const cookie = (await cache.match(`${url}/private=set-cookie`))?.headers.get("set-cookie");
      await cache.put(`${url}/short`, new Response("x", { headers: { "cache-control": "max-age=1" } }));
      while ((await cache.match(`${url}/short`)) !== undefined)
        await new Promise((resolve) => setTimeout(resolve, 50));
      return { stored, cookie };
    });
    expect(result).toEqual({
      stored: ["max-age", "s-maxage", "expires", "private=set-cookie", "404"],
      cookie: null,
    });
  });

  // RFC 9111, sections 3 and 3.5; of Set-Cookie, Cloudflare's own rule.
  test("that is for one person is not kept for all, however that is said", async () => {
    const kept = await run(async ({ cache, url }) => {
      const mine = { authorization: "Bearer one" };
      const cases: [string, Record<string, string>, [string, string][]][] = [
        ["public to anybody", {}, [["cache-control", "max-age=60"]]],
        ["asked for with credentials", mine, [["cache-control", "max-age=60"]]],
        ["with credentials, by Expires", mine, [["expires", new Date(Date.now() + 60_000).toUTCString()]]],
        ["with credentials and public", mine, [["cache-control", "public, max-age=60"]]],
        ["with credentials and s-maxage", mine, [["cache-control", "s-maxage=60"]]],
        ["no-store in capitals", {}, [["cache-control", "No-Store, max-age=60"]]],
        ["private", {}, [["cache-control", "private, max-age=60"]]],
        ["private in capitals", {}, [["cache-control", "max-age=60,PRIVATE"]]],
        [
          "private in a field of its own",
          {},
          [
            ["cache-control", "max-age=60"],
            ["cache-control", "private"],
          ],
        ],
        ["private with blanks", {}, [["cache-control", "max-age=60 ,  private "]]],
        ["private by a field", {}, [["cache-control", 'private="x-mine", max-age=60']]],
        ["private and public", {}, [["cache-control", "public, private, max-age=60"]]],
        ["no-store", {}, [["cache-control", "no-store, max-age=60"]]],
        ["no-cache", {}, [["cache-control", "no-cache, max-age=60"]]],
        ["not for shared caches", {}, [["cache-control", "s-maxage=0, max-age=60"]]],
        [
          "too old",
          {},
          [
            ["cache-control", "max-age=60"],
            ["age", "61"],
          ],
        ],
        [
          "a cookie",
          {},
          [
            ["cache-control", "public, max-age=60"],
            ["set-cookie", "session=1"],
          ],
        ],
        [
          "a cookie among several",
          {},
          [
            ["cache-control", "s-maxage=60"],
            ["set-cookie", "a=1"],
            ["Set-Cookie", "b=2"],
          ],
        ],
        [
          "a cookie that is private",
          {},
          [
            ["cache-control", "private=Set-Cookie, max-age=60"],
            ["set-cookie", "a=1"],
          ],
        ],
        [
          "a cookie, and another field private",
          {},
          [
            ["cache-control", "private=x-mine, max-age=60"],
            ["set-cookie", "a=1"],
          ],
        ],
      ];
      const found: string[] = [];
      for (const [index, [name, asked, headers]] of cases.entries()) {
        const at = new Request(`${url}/${index}`, { headers: asked });
        await cache.put(at, new Response("mine", { headers })).catch(() => {});
        const match = await cache.match(at);
        if (match !== undefined)
          found.push(match.headers.has("set-cookie") ? `${name}, cookie and all` : name);
        // Nor for somebody who shows other credentials, or none.
        const other = await cache.match(`${url}/${index}`);
        if (other !== undefined && match === undefined) found.push(`${name}, to others`);
      }
      return found;
    });
    expect(kept).toEqual([
      "public to anybody",
      "with credentials and public",
      "with credentials and s-maxage",
      "a cookie that is private",
    ]);
  });

  test("is selected by the fields that Vary names", async () => {
    const result = await run(async ({ cache, url }) => {
      const as = (language: string) => new Request(url, { headers: { "accept-language": language } });
      const put = (language: string, text: string) =>
        cache.put(
          as(language),
          new Response(text, { headers: { "cache-control": "max-age=60", vary: "Accept-Language" } }),
        );
      await put("de", "alt");
      await put("en", "hello");
      await put("de", "hallo");
      const text = async (language: string) => (await (await cache.match(as(language)))?.text()) ?? "miss";
      return [
        await text("de"),
        await text("en"),
        await text("fr"),
        await cache.delete(url),
        await text("de"),
      ];
    });
    expect(result).toEqual(["hallo", "hello", "miss", true, "miss"]);
  });

  test("is 304 for who has it, and 206 for who wants a part", async () => {
    const result = await run(async ({ cache, url }) => {
      const modified = "Wed, 21 Oct 2026 07:28:00 GMT";
      await cache.put(
        url,
        new Response("0123456789", {
          headers: { "cache-control": "max-age=60", etag: 'W/"one"', "last-modified": modified },
        }),
      );
      const ask = async (headers: Record<string, string>) => {
        const found = await cache.match(new Request(url, { headers }));
        return [found?.status, await found?.text(), found?.headers.get("content-range")];
      };
      return [
        await ask({ "if-none-match": '"zero", "one"' }),
        await ask({ "if-none-match": '"two"', "if-modified-since": modified }),
        await ask({ "if-modified-since": modified }),
        await ask({ "if-modified-since": "Tue, 20 Oct 2026 07:28:00 GMT" }),
        await ask({ range: "bytes=2-4" }),
        await ask({ range: "bytes=7-" }),
        await ask({ range: "bytes=-2" }),
        await ask({ range: "bytes=5-100" }),
        await ask({ range: "bytes=10-" }),
        await ask({ range: "lines=1-2" }),
      ];
    });
    expect(result).toEqual([
      [304, "", null],
      [200, "0123456789", null],
      [304, "", null],
      [200, "0123456789", null],
      [206, "234", "bytes 2-4/10"],
      [206, "789", "bytes 7-9/10"],
      [206, "89", "bytes 8-9/10"],
      [206, "56789", "bytes 5-9/10"],
      [416, "", "bytes */10"],
      [200, "0123456789", null],
    ]);
  });

  test("that no cache takes is refused by the runtime", async () => {
    const result = await run(async ({ cache, url }) => {
      const used = new Response("x");
      await used.text();
      const refused: string[] = [];
      const attempts: [Request | string, Response][] = [
        [new Request(url, { method: "POST" }), new Response()],
        [url, new Response(null, { status: 206 })],
        [url, new Response(null, { headers: { vary: "*" } })],
        [url, used],
      ];
      for (const [request, response] of attempts) {
        await cache.put(request, response).catch((error: Error) => refused.push(error.name));
      }
      return refused;
    });
    expect(result).toEqual(["TypeError", "TypeError", "TypeError", "TypeError"]);
  });
});

describe("fields that a worker made long", () => {
  test.each(["vary", "connection", "cache-control"])("%s: cost nobody else any time", async (name) => {
    const source = `export default {
      async fetch() {
        const long = "a" + " ".repeat(100_000) + "b, private=set-cookie";
        const url = "https://cache.example/long/${name}";
        const headers = new Headers({ "cache-control": "max-age=60" });
        headers.append(${JSON.stringify(name)}, long);
        let found = 0;
        for (let count = 0; count < 10; count++) {
          await caches.default.put(url, new Response("x", { headers }));
          if (await caches.default.match(url)) found += 1;
        }
        return Response.json(found);
      },
    };`;
    await using cell = await cells.start(program(source));
    // Seconds for each of them, if white space is looked at more than once.
    expect(await (await cell.fetch()).json()).toBe(10);
  });
});

describe("a put that dies half-way", () => {
  test("because the worker's stream fails stores nothing, and leaves what was there", async () => {
    const result = await run(async ({ cache, url }) => {
      const headers = { "cache-control": "max-age=60" };
      await cache.put(url, new Response("old", { headers }));
      for (const size of [0, 10, 1_000_000]) {
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
        await cache.put(url, new Response(body, { headers })).catch(() => {});
      }
      return await (await cache.match(url))?.text();
    });
    expect(result).toBe("old");
  });

  test("because the cell is killed stores nothing, and frees what it took", async () => {
    const cache = new Cache(limits);
    await using own = new Broker({ handlers: new Map(), cache, report() {} });
    await using host = await testCells(findSandbox("bubblewrap"), own);
    const cell = await host.start(
      program(`export default { async fetch() {
        const body = new ReadableStream({ async pull(controller) {
          controller.enqueue(new Uint8Array(100_000));
          await new Promise((resolve) => setTimeout(resolve, 100));
        } });
        await caches.default.put("https://a.example/", new Response(body, { headers: { "cache-control": "max-age=60" } }));
      } }`),
    );
    const answer = cell.fetch();
    answer.catch(() => {});
    while (cache.bytes < 200_000) await Bun.sleep(5);
    cell.cell.kill();
    await cell.cell.exited;
    while (cache.bytes > 0) await Bun.sleep(5);
    await cell[Symbol.asyncDispose]();
  });
});

describe("what is stored is bounded", () => {
  const put = async ({ cache, url }: Inside) => {
    const headers = { "cache-control": "max-age=60" };
    for (let index = 0; index < 20; index++) {
      await cache.put(`${url}/${index}`, new Response(new Uint8Array(2 ** 20), { headers }));
    }
    await cache.put(`${url}/large`, new Response(new Uint8Array(2.5 * 2 ** 20), { headers }));
    const found: (number | string)[] = [];
    for (let index = 0; index < 20; index++) if (await cache.match(`${url}/${index}`)) found.push(index);
    if (await cache.match(`${url}/large`)) found.push("large");
    return found;
  };

  test("by worker: the newest stay, and what is too large by itself is not stored", async () => {
    expect(await run(put)).toEqual([13, 14, 15, 16, 17, 18, 19]);
  });
});
