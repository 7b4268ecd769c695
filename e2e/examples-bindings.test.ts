import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Platform, startPlatform } from "./platform.ts";

// A deploy is a process that starts others, which takes its time on a busy machine.
setDefaultTimeout(60_000);

let platform: Platform;
let origin: Bun.Server<undefined>;
const asked: string[] = [];

beforeAll(async () => {
  origin = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const body = await request.text();
      const { pathname } = new URL(request.url);
      asked.push(`${request.method} ${request.headers.get("host")} ${pathname} ${body}`);
      return new Response(`answer ${asked.length}`, { status: pathname === "/missing" ? 404 : 200 });
    },
  });
  platform = await startPlatform({ env: { OW_EGRESS_ALLOW: `localhost:${origin.port}` } });
}, 60_000);

afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
  await origin?.stop(true);
});

const json = async (worker: string, path: string, init: BunFetchRequestInit = {}): Promise<unknown> =>
  (await platform.fetch(worker, path, init)).json();

describe("kv-many", () => {
  beforeAll(async () => {
    await platform.deploy("examples/kv-many");
    const body = JSON.stringify({ a: { size: 1 }, b: [2], "b/c": "three", d: null });
    const put = await platform.fetch("kv-many", "/", {
      method: "PUT",
      body,
      headers: { "x-user": "ada" },
    });
    expect(put.status).toBe(204);
  });

  test("reads several values in one call, null for those that are not there", async () => {
    expect(await json("kv-many", "/?key=a&key=b&key=none")).toEqual({
      a: { size: 1 },
      b: [2],
      none: null,
    });
  });

  test("reads several keys' metadata in one call", async () => {
    expect(await json("kv-many", "/origins?key=a&key=none")).toEqual({ a: "ada", none: null });
  });

  test("lists all keys over several pages, and those below a prefix", async () => {
    expect(await json("kv-many", "/keys")).toEqual(["a", "b", "b/c", "d"]);
    expect(await json("kv-many", "/keys?prefix=b")).toEqual(["b", "b/c"]);
  });

  test("deletes several", async () => {
    await platform.fetch("kv-many", "/?key=a&key=d", { method: "DELETE" });
    expect(await json("kv-many", "/keys")).toEqual(["b", "b/c"]);
  });
});

describe("storage-guarded", () => {
  const put = (path: string, key: string | undefined) =>
    platform.fetch("storage-guarded", path, {
      method: "PUT",
      body: `content of ${path}`,
      headers: { "content-type": "text/plain", "x-user": "ada", ...(key && { "x-write-key": key }) },
    });

  test("writes for nobody until it has a key, and then for who sends it", async () => {
    await platform.deploy("examples/storage-guarded");
    expect((await put("/a.txt", "open sesame")).status).toBe(403);
    const { code } = await platform.owWithInput(
      "open sesame",
      "secret",
      "put",
      "storage-guarded",
      "WRITE_KEY",
    );
    expect(code).toBe(0);
    // The secret reaches the worker with a notification.
    while ((await put("/a.txt", "open sesame")).status === 403) await Bun.sleep(5);
    for (const key of [undefined, "", "open sesamE", "open sesame2"]) {
      expect([key, (await put("/b.txt", key)).status]).toEqual([key, 403]);
    }
    expect((await put("/b.txt", "open sesame")).status).toBe(201);
  });

  test("lists folders and files with their metadata", async () => {
    for (const path of ["/in/c.txt", "/in/d.txt"]) await put(path, "open sesame");
    expect(await json("storage-guarded", "/")).toEqual({
      folders: ["in/"],
      files: [
        { key: "a.txt", size: 17, from: "ada" },
        { key: "b.txt", size: 17, from: "ada" },
      ],
    });
    expect(await json("storage-guarded", "/?in=in/c")).toMatchObject({ files: [{ key: "in/c.txt" }] });
  });

  test("answers from the cache, with the object's own headers, until the object is deleted", async () => {
    const get = () => platform.fetch("storage-guarded", "/a.txt");
    let found = await get();
    while (found.headers.get("cf-cache-status") !== "HIT") found = await get();
    expect([found.headers.get("content-type"), found.headers.get("etag")]).toEqual([
      "text/plain",
      expect.stringMatching(/^"[0-9a-f]{32}"$/),
    ]);
    expect(await found.text()).toBe("content of /a.txt");
    const remove = (key: string) =>
      platform.fetch("storage-guarded", "/a.txt", { method: "DELETE", headers: { "x-write-key": key } });
    expect((await remove("guessed")).status).toBe(403);
    expect((await remove("open sesame")).status).toBe(204);
    expect((await get()).status).toBe(404);
  });
});

describe("worker-first", () => {
  const get = async (path: string, cookie = "") => {
    const response = await platform.fetch("worker-first", path, { headers: { cookie } });
    return { status: response.status, text: await response.text() };
  };

  test("guards files that are there, whichever way their path is spelt, and writes into pages", async () => {
    await platform.deploy("examples/worker-first");
    const home = await get("/");
    expect([home.status, home.text]).toEqual([200, expect.stringContaining("<span data-name>stranger")]);
    for (const path of ["/members/", "/members/index.html", "//members/", "/%6Dembers/", "/members"]) {
      expect([path, (await get(path)).text]).toEqual([path, expect.not.stringContaining("Only members")]);
    }
    expect((await get("/members/")).status).toBe(403);
    const member = await get("/members/", "name=ada");
    expect([member.status, member.text]).toEqual([
      200,
      expect.stringContaining("<span data-name>ada</span>"),
    ]);
    expect((await get("/nothing", "name=ada")).status).toBe(404);
  });
});

describe("cache-origin", () => {
  /** As a client does whose requests for the origin lead to the platform. */
  const ask = async (path: string, init: BunFetchRequestInit = {}) => {
    const headers = { host: `localhost:${origin.port}` };
    const response = await fetch(`http://127.0.0.1:${platform.port}${path}`, { ...init, headers });
    return { hit: response.headers.get("cf-cache-status") === "HIT", text: await response.text() };
  };
  const post = (body: string) => ask("/search", { method: "POST", body });
  /** Asks until the cache has it: what `waitUntil` stores may come after the answer. */
  const untilHit = async (again: () => ReturnType<typeof ask>): Promise<string> => {
    for (;;) {
      const { hit, text } = await again();
      if (hit) return text;
    }
  };

  test("keeps what the origin of its route answers, of a POST under what its body is", async () => {
    await platform.deploy("examples/cache-origin");
    const first = await untilHit(() => ask("/page"));
    expect(asked).toContain(`GET localhost:${origin.port} /page `);
    const apples = await untilHit(() => post("apples"));
    const pears = await untilHit(() => post("pears"));
    expect(new Set([first, apples, pears]).size).toBe(3);
    const sofar = asked.length;
    expect([await ask("/page"), await post("apples"), await post("pears")]).toEqual(
      [first, apples, pears].map((text) => ({ hit: true, text })),
    );
    expect(asked.length).toBe(sofar);
  });

  test("asks the origin again for what was no success, and for what is no reading", async () => {
    const sofar = asked.length;
    for (const method of ["GET", "GET"]) expect((await ask("/missing", { method })).hit).toBe(false);
    for (const method of ["PUT", "PUT"]) expect((await ask("/page", { method, body: "x" })).hit).toBe(false);
    expect(asked.length).toBe(sofar + 4);
  });
});

describe("gate and gated", () => {
  test("a request is judged by its copy, whose body it still has", async () => {
    await platform.deploy("examples/gate");
    await platform.deploy("examples/gated");
    const send = (headers: Record<string, string>) =>
      platform.fetch("gated", "/", { method: "POST", body: "twelve bytes", headers });
    const refused = await send({});
    expect([refused.status, await refused.text()]).toEqual([403, "Not without a pass\n"]);
    expect(await (await send({ "x-pass": "sesame" })).json()).toEqual({
      verdict: "POST with 12 characters",
      body: "twelve bytes",
    });
  });

  test("a function that a method returned keeps its state between calls", async () => {
    let answer = await platform.fetch("gated", "/count");
    // The gate hears in a notification that an entrypoint of its is called.
    while (answer.status !== 200) answer = await platform.fetch("gated", "/count");
    expect(await answer.json()).toBe(16);
  });

  test("a worker reaches itself by a binding with props, and by ctx.exports without", async () => {
    expect(await json("gated", "/greet")).toEqual(["Good day, Ada!", "Hello, Ada!", true]);
  });
});

describe("queue", () => {
  test("takes orders, tries those again that fail, and gives up those that fail for good", async () => {
    await platform.deploy("examples/queue");
    const orders = [{ id: "1" }, { id: "2", failures: 2 }, { id: "3", failures: 9 }];
    const accepted = await platform.fetch("queue", "/orders", {
      method: "POST",
      body: JSON.stringify(orders),
    });
    expect([accepted.status, await accepted.json()]).toEqual([202, { accepted: 3 }]);
    const said = async (id: string) => {
      for (;;) {
        const response = await platform.fetch("queue", `/orders/${id}`);
        const text = await response.text();
        if (response.status === 200) return text;
        await Bun.sleep(20);
      }
    };
    expect(await Promise.all(["1", "2", "3"].map(said))).toEqual([
      "done at attempt 1\n",
      "done at attempt 3\n",
      "given up\n",
    ]);
  });
});
