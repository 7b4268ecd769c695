import { describe, expect, test } from "bun:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import type { AssetSettings, UserId, VersionId } from "@openworkers/core";
import { type Database, deployVersion, ensureOperator, hashOf } from "@openworkers/db";
import { withTestDatabase } from "@openworkers/db/testing";
import type { AssetAnswer } from "./asset-answer.ts";
import { type AssetRequest, AssetServer } from "./asset-server.ts";
import { uploadSite } from "./testing/site.ts";

interface Served {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** A version with these files, and a server for it. */
async function rig(
  files: Record<string, string | Uint8Array>,
  { cacheBytes, ...settings }: Partial<AssetSettings> & { cacheBytes?: number } = {},
) {
  await using parts = new AsyncDisposableStack();
  const { database } = parts.use(await withTestDatabase());
  const { id: by } = await ensureOperator(database);
  const versionId = await deploy(database, by, files, settings);
  const reports: string[] = [];
  const server = new AssetServer({ database, cacheBytes, report: (message) => reports.push(message) });
  const owned = parts.move();
  return {
    database,
    server,
    versionId,
    reports,
    answer: async (target: string, more: Partial<AssetRequest> = {}) =>
      await server.beforeWorker(versionId, request(target, more)),
    async get(target: string, more: Partial<AssetRequest> = {}): Promise<Served> {
      const answer = await server.beforeWorker(versionId, request(target, more));
      if (answer === undefined) throw new Error("it is the worker's");
      return read(answer);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const types: Readonly<Record<string, string>> = { css: "text/css; charset=utf-8", png: "image/png" };
const typeOf = (path: string) => types[path.split(".").at(-1) ?? ""] ?? "application/octet-stream";

async function deploy(
  database: Database,
  by: UserId,
  files: Record<string, string | Uint8Array>,
  settings: Partial<AssetSettings>,
): Promise<VersionId> {
  const { versionId } = await deployVersion(database, {
    worker: "site",
    by,
    code: {
      modules: [{ name: "index.js", type: "esModule", content: Buffer.from("export default {}") }],
      compatibilityDate: "2026-11-01",
      compatibilityFlags: [],
      sourceMaps: new Map(),
    },
    assets: await uploadSite(database, by, files, settings, typeOf),
  });
  return versionId;
}

function request(target: string, more: Partial<AssetRequest> = {}): AssetRequest {
  return {
    method: "GET",
    hostname: "site.localhost",
    host: "site.localhost",
    target,
    webSocket: false,
    navigates: false,
    acceptEncoding: undefined,
    ifNoneMatch: undefined,
    range: undefined,
    ifRange: undefined,
    ...more,
  };
}

async function read({ status, head, body }: AssetAnswer): Promise<Served> {
  const lines = head.split("\r\n").slice(1, -1);
  const headers = new Headers(lines.map((line) => line.split(": ", 2) as [string, string]));
  const pieces: Uint8Array[] = [];
  if (body instanceof Uint8Array) pieces.push(body);
  else if (body !== undefined) for await (const piece of body) pieces.push(piece);
  return { status, headers, body: Buffer.concat(pieces) };
}

const css = "body { color: rebeccapurple }\n".repeat(100);

describe("a file", () => {
  test("has its type, its length and a strong tag, with which it need not be sent again", async () => {
    await using it = await rig({ "/site.css": css });
    const first = await it.get("/site.css");
    expect(first.status).toBe(200);
    expect(first.body.toString()).toBe(css);
    expect(Object.fromEntries(first.headers)).toEqual({
      "content-type": "text/css; charset=utf-8",
      "content-length": String(css.length),
      "cache-control": "public, max-age=0, must-revalidate",
      "accept-ranges": "bytes",
      vary: "accept-encoding",
      etag: `"${hashOf(Buffer.from(css)).slice(0, 32)}"`,
    });
    const tag = first.headers.get("etag") ?? "";
    for (const ifNoneMatch of [tag, `W/${tag}`, `"x", ${tag}`, "*"]) {
      const again = await it.get("/site.css", { ifNoneMatch });
      expect([again.status, again.body.length, again.headers.get("etag")]).toEqual([304, 0, tag]);
      expect(again.headers.get("content-length")).toBeNull();
    }
    expect((await it.get("/site.css", { ifNoneMatch: '"other"' })).status).toBe(200);
  });

  test("has no body for a HEAD, and the same head", async () => {
    await using it = await rig({ "/site.css": css, "/empty.css": "" });
    for (const target of ["/site.css", "/empty.css"]) {
      const [get, head] = [await it.get(target), await it.get(target, { method: "HEAD" })];
      expect([head.status, head.body.length]).toEqual([200, 0]);
      expect(Object.fromEntries(head.headers)).toEqual(Object.fromEntries(get.headers));
    }
  });

  test("is sent compressed to who takes it so, each coding with its own tag", async () => {
    await using it = await rig({ "/site.css": css });
    const plain = await it.get("/site.css", { acceptEncoding: "identity" });
    const br = await it.get("/site.css", { acceptEncoding: "gzip, br" });
    const gz = await it.get("/site.css", { acceptEncoding: "gzip" });
    expect([br, gz].map(({ headers }) => headers.get("content-encoding"))).toEqual(["br", "gzip"]);
    expect(brotliDecompressSync(br.body).toString()).toBe(css);
    expect(gunzipSync(gz.body).toString()).toBe(css);
    for (const { headers, body } of [br, gz]) {
      expect(headers.get("content-length")).toBe(String(body.length));
      expect(headers.get("vary")).toBe("accept-encoding");
      expect(headers.get("accept-ranges")).toBeNull();
    }
    expect(new Set([plain, br, gz].map(({ headers }) => headers.get("etag"))).size).toBe(3);
    const ifNoneMatch = br.headers.get("etag") ?? "";
    const again = await it.get("/site.css", { acceptEncoding: "gzip, br", ifNoneMatch });
    expect([again.status, again.headers.get("etag")]).toEqual([304, ifNoneMatch]);
  });

  test("that compressing does not make smaller is sent as it is", async () => {
    const noise = crypto.getRandomValues(new Uint8Array(5_000));
    await using it = await rig({ "/noise.css": noise, "/pixel.png": css });
    for (const target of ["/noise.css", "/pixel.png"]) {
      const { headers } = await it.get(target, { acceptEncoding: "br" });
      expect([target, headers.get("content-encoding")]).toEqual([target, null]);
    }
  });

  test("is sent in parts", async () => {
    await using it = await rig({ "/site.css": css });
    const size = css.length;
    const part = await it.get("/site.css", { range: "bytes=10-19", acceptEncoding: "br" });
    expect([part.status, part.body.toString()]).toEqual([206, css.slice(10, 20)]);
    expect(part.headers.get("content-range")).toBe(`bytes 10-19/${size}`);
    expect(part.headers.get("content-length")).toBe("10");
    const beyond = await it.get("/site.css", { range: `bytes=${size}-` });
    expect([beyond.status, beyond.body.length, beyond.headers.get("content-range")]).toEqual([
      416,
      0,
      `bytes */${size}`,
    ]);
    const tag = part.headers.get("etag") ?? "";
    expect((await it.get("/site.css", { range: "bytes=0-0", ifRange: tag })).status).toBe(206);
    // The file has changed since the first part: all of it is sent.
    expect((await it.get("/site.css", { range: "bytes=0-0", ifRange: '"old"' })).status).toBe(200);
    expect((await it.get("/site.css", { range: "bytes=0-1,5-6" })).status).toBe(200);
  });
});

test("_headers goes over what a file has of itself, and leaves caches told that its coding varies", async () => {
  await using it = await rig(
    { "/site.css": css, "/old.css": css },
    {
      headers: [
        {
          from: "/*",
          set: [
            ["cache-control", "no-store"],
            ["vary", "Origin"],
          ],
          unset: [],
        },
        { from: "/old.css", set: [], unset: ["cache-control", "vary"] },
      ],
      redirects: [{ from: "/home", to: "/", status: 301 }],
    },
  );
  const { headers } = await it.get("/site.css");
  expect([headers.get("cache-control"), headers.get("vary")]).toEqual([
    "no-store",
    "Origin, accept-encoding",
  ]);
  const old = (await it.get("/old.css")).headers;
  expect([old.get("cache-control"), old.get("vary")]).toEqual([null, "accept-encoding"]);
  expect((await it.get("/home")).headers.get("cache-control")).toBe("no-store");
});

test("a file too large to be kept is sent piece by piece, whole or in part, and not kept", async () => {
  const large = crypto.getRandomValues(new Uint8Array(60_000));
  const content = Buffer.concat(Array.from({ length: 10 }, () => large));
  await using it = await rig({ "/large.bin": content }, { cacheBytes: 2 ** 20 });
  const answer = await it.answer("/large.bin");
  expect(answer?.body).not.toBeInstanceOf(Uint8Array);
  expect((await it.get("/large.bin")).body.equals(content)).toBe(true);
  const part = await it.get("/large.bin", { range: "bytes=100000-400000" });
  expect(part.body.equals(content.subarray(100_000, 400_001))).toBe(true);
});

test("what was served once is served while PostgreSQL is away, and the rest says so", async () => {
  await using it = await rig({ "/site.css": css, "/never.css": "never asked for" });
  await it.get("/site.css", { acceptEncoding: "br" });
  await it.database[Symbol.asyncDispose]();
  expect((await it.get("/site.css")).body.toString()).toBe(css);
  expect((await it.get("/site.css", { acceptEncoding: "br" })).headers.get("content-encoding")).toBe("br");
  const failed = await it.get("/never.css").catch((thrown: unknown) => thrown);
  expect(failed).toMatchObject({ code: "DATABASE_UNAVAILABLE" });
});

test("what is in memory is answered in the same turn", async () => {
  await using it = await rig({ "/site.css": css });
  await it.get("/site.css");
  expect(it.server.beforeWorker(it.versionId, request("/site.css"))).not.toBeInstanceOf(Promise);
});

test("a version without files, or that is gone, leaves everything to the worker", async () => {
  await using it = await rig({});
  expect(await it.answer("/anything")).toBeUndefined();
  const { id } = await ensureOperator(it.database);
  await deploy(it.database, id, {}, {});
  expect(await it.server.beforeWorker(crypto.randomUUID() as VersionId, request("/"))).toBeUndefined();
});
