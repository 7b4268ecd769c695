import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { examplesWithBindings } from "./examples-with-bindings.ts";
import { type Platform, startPlatform } from "./platform.ts";

let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform();
}, 60_000);

afterAll(async () => {
  await platform[Symbol.asyncDispose]();
});

const names = [
  "cache",
  "cache-origin",
  "d1",
  "d1-hono",
  "gate",
  "gated",
  "hello-js",
  "hono",
  "hyperdrive-drizzle",
  "hyperdrive-kysely",
  "hyperdrive-pg",
  "hyperdrive-postgres",
  "kv",
  "kv-many",
  "node-compat",
  "queue",
  "rate-limit",
  "scheduled",
  "service-books",
  "service-shop",
  "spa",
  "static-site",
  "storage",
  "storage-guarded",
  "storage-multipart",
  "streaming",
  "wasm",
  "websocket",
  "worker-first",
];

test("every folder of examples/ is one that this file deploys", async () => {
  const folders = await readdir(join(import.meta.dir, "..", "examples"), { withFileTypes: true });
  expect(
    folders
      .filter((entry) => entry.isDirectory() && entry.name !== "node_modules")
      .map((entry) => entry.name)
      .sort(),
  ).toEqual(names);
});

// Some twenty commands, each a process.
test("every example deploys with the CLI as version 1 under its own name", async () => {
  for (const name of names) {
    expect(await platform.deploy(`examples/${name}`)).toMatchObject({
      worker: name,
      version: 1,
      url: `http://${platform.host(name)}/`,
    });
  }
}, 240_000);

describe("hello-js", () => {
  test("answers, redirects and has a 404 of its own", async () => {
    expect(await (await platform.fetch("hello-js", "/")).text()).toBe("Hello, world!\n");
    const moved = await platform.fetch("hello-js", "/old");
    expect([moved.status, moved.headers.get("location")]).toEqual([
      301,
      `http://${platform.host("hello-js")}/`,
    ]);
    expect((await platform.fetch("hello-js", "/nothing")).status).toBe(404);
  });

  test("echoes a body byte for byte", async () => {
    const body = crypto.getRandomValues(new Uint8Array(60_000));
    const response = await platform.fetch("hello-js", "/echo", { method: "POST", body });
    expect(Buffer.compare(Buffer.from(await response.arrayBuffer()), Buffer.from(body))).toBe(0);
  });
});

describe("hono", () => {
  test("is reached by curl at the address that the README gives", async () => {
    const curl = Bun.spawn(["curl", "--silent", "--fail", `http://hono.localhost:${platform.port}/`]);
    expect(await curl.stdout.text()).toBe("Hello from Hono\n");
    expect(await curl.exited).toBe(0);
  });

  test("routes, parses JSON and answers a conditional request with 304", async () => {
    const hello = await platform.fetch("hono", "/hello/Ada");
    expect(await hello.json()).toEqual({ message: "Hello, Ada!" });
    const headers = { "if-none-match": hello.headers.get("etag") ?? "" };
    expect((await platform.fetch("hono", "/hello/Ada", { headers })).status).toBe(304);
    const sum = await platform.fetch("hono", "/sum", { method: "POST", body: "[1,2,3.5]" });
    expect(await sum.json()).toEqual({ sum: 6.5 });
    expect((await platform.fetch("hono", "/sum", { method: "POST", body: "?" })).status).toBe(400);
  });
});

test("wasm draws a bitmap whose middle is in the set and whose corner is not", async () => {
  const response = await platform.fetch("wasm", "/");
  expect(response.headers.get("content-type")).toBe("image/bmp");
  const file = new DataView(await response.arrayBuffer());
  expect([file.getUint16(0), file.getUint32(2, true)]).toEqual([0x424d, file.byteLength]);
  const pixels = file.getUint32(10, true);
  const [width, height] = [file.getInt32(18, true), -file.getInt32(22, true)];
  const at = (x: number, y: number) => file.getUint8(pixels + y * width + x);
  expect(at(Math.floor(width * 0.6), height / 2)).toBe(255);
  expect(at(0, 0)).toBeLessThan(20);
});

describe("service-books and service-shop", () => {
  const ask = async (path: string) => (await platform.fetch("service-shop", path)).text();

  test("call methods, pass callbacks, hold stubs and stream between two workers", async () => {
    expect(await ask("/price")).toBe("1250");
    expect(await ask("/basket")).toBe("3140");
    expect(await ask("/unknown")).toBe("RangeError: There is no book none.");
    expect(await ask("/each")).toBe('["emma","middlemarch"]');
    expect(await ask("/catalogue")).toBe("emma 1250\nmiddlemarch 1890\n");
  });

  test("pass a request on", async () => {
    expect(await ask("/shelf")).toBe("The books at /shelf\n");
  });

  test("reach a named entrypoint with the props of the binding", async () => {
    // That the shop calls it changed what the books listen for, which the runner hears of in a notification.
    while ((await ask("/whoami")) !== "shop") await Bun.sleep(5);
  });

  test("do not let the one be deleted that the other is bound to", async () => {
    const refused = await platform.ow("delete", "service-books", "--yes");
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain("service-shop (BOOKS)");
  });
});

describe("streaming", () => {
  test("the first event arrives while the stream is still open", async () => {
    const response = await platform.fetch("streaming", "/events?count=3&every=50");
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const chunks: string[] = [];
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) chunks.push(chunk);
    expect(chunks[0]).toContain("data: event 1 of 3");
    expect(chunks[0]).not.toContain("event 3");
    expect(chunks.join("")).toEndWith("id: 3\ndata: event 3 of 3\n\n");
  });

  test("a body is answered while it is still being sent", async () => {
    let send: (text: string) => void = () => {};
    let end: () => void = () => {};
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        send = (text) => controller.enqueue(new TextEncoder().encode(text));
        end = () => controller.close();
      },
    });
    send("first ");
    const response = await platform.fetch("streaming", "/upper", { method: "POST", body });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    // Only after its answer has come back is the rest sent: a platform that buffers would wait for ever.
    expect((await reader?.read())?.value).toBe("FIRST ");
    send("second");
    end();
    expect((await reader?.read())?.value).toBe("SECOND");
    expect((await reader?.read())?.done).toBe(true);
  });
});

test("websocket echoes text and bytes and closes with the client's code", async () => {
  const socket = platform.webSocket("websocket", "/");
  socket.binaryType = "arraybuffer";
  const next = (type: "open" | "message" | "close") =>
    new Promise<Event>((resolve, reject) => {
      socket.addEventListener(type, resolve, { once: true });
      socket.addEventListener("error", () => reject(new Error(`the socket failed before ${type}`)));
    });
  await next("open");
  socket.send("hello");
  expect(await next("message")).toMatchObject({ data: "hello" });
  socket.send(new Uint8Array([0, 1, 255]));
  const bytes = await next("message");
  expect(bytes instanceof MessageEvent && [...new Uint8Array(bytes.data)]).toEqual([0, 1, 255]);
  socket.close(4_001, "enough");
  expect(await next("close")).toMatchObject({ code: 4_001 });
});

describe("node-compat", () => {
  test("crypto and buffer agree with the ones of this process", async () => {
    const response = await platform.fetch("node-compat", "/?text=caf%C3%A9");
    const hmac = createHmac("sha256", "key").update("café").digest("hex");
    expect(await response.json()).toMatchObject({
      base64: Buffer.from("café").toString("base64"),
      hmac,
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    const verify = await platform.fetch("node-compat", `/verify?text=caf%C3%A9&hmac=${hmac}`);
    expect(await verify.json()).toEqual({ valid: true });
  });

  test("streams flow", async () => {
    const response = await platform.fetch("node-compat", "/lines?text=a%0Ab");
    expect(await response.text()).toBe("1 a\n2 b\n");
  });
});

describe("static-site", () => {
  const get = (path: string) => platform.fetch("static-site", path);

  test("serves its pages at their folders' addresses, and what its name promises for ever", async () => {
    const page = await get("/docs/");
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(page.headers.get("x-content-type-options")).toBe("nosniff");
    expect((await get("/docs/index.html")).headers.get("location")).toBe("/docs/");
    const style = await get("/css/site.2f1c.css");
    expect(style.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  });

  test("redirects, has a page for what is not there, and keeps its drafts and rules to itself", async () => {
    const moved = await get("/documentation/more?page=2");
    expect([moved.status, moved.headers.get("location")]).toEqual([301, "/docs/more?page=2"]);
    for (const path of ["/nothing", "/next.draft.html", "/_headers", "/_redirects", "/.assetsignore"]) {
      const missing = await get(path);
      expect([path, missing.status]).toEqual([path, 404]);
      expect(await missing.text()).toContain("There is nothing here.");
    }
  });
});

describe("spa", () => {
  test("gives its page to who navigates, and the API and everything else to the worker", async () => {
    const headers = { "sec-fetch-mode": "navigate" };
    for (const path of ["/", "/clock", "/deep/link"]) {
      const page = await platform.fetch("spa", path, { headers });
      expect([path, page.status]).toEqual([path, 200]);
      expect(await page.text()).toContain("A single-page application");
    }
    const { time } = (await (await platform.fetch("spa", "/api/time", { headers })).json()) as {
      time: string;
    };
    expect(Date.parse(time)).toBeGreaterThan(0);
    expect((await platform.fetch("spa", "/api/other", { headers })).status).toBe(404);
    expect((await platform.fetch("spa", "/assets/app.js")).headers.get("content-type")).toBe(
      "text/javascript; charset=utf-8",
    );
    // Not navigated to, and no file: the worker asks the files for it.
    expect(await (await platform.fetch("spa", "/clock")).text()).toContain("A single-page application");
  });
});

examplesWithBindings(() => platform);

test("Ctrl-C ends the platform with code 0 and leaves no process behind", async () => {
  expect(await platform.stop()).toBe(0);
});
