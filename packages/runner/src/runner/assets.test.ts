import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AssetSettings, LogRecord } from "@openworkers/core";
import {
  type Deployed,
  deployVersion,
  ensureOperator,
  hashOf,
  registerSealingKey,
  rollback,
  SecretKeys,
  uploadAssets,
} from "@openworkers/db";
import { withTestDatabase } from "@openworkers/db/testing";
import { RawClient } from "../ingress/testing/raw-client.ts";
import { createRunner } from "./runner.ts";
import { readSettings } from "./settings.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ow-a-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

interface Site {
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly settings?: Partial<AssetSettings>;
  readonly source?: string;
}

/** A runner with its database and real cells. */
async function rig() {
  await using parts = new AsyncDisposableStack();
  const { database } = parts.use(await withTestDatabase());
  const secretKeys = await SecretKeys.load({ directory: mkdtempSync(join(directory, "keys-")) });
  await registerSealingKey(database, secretKeys);
  const records: LogRecord[] = [];
  const runner = parts.use(
    await createRunner({
      database,
      secretKeys,
      port: 0,
      hostname: "127.0.0.1",
      baseDomain: "localhost",
      runtimeDir: mkdtempSync(join(directory, "r-")),
      sandbox: "bubblewrap",
      logs: { emit: (record) => records.push(record) },
      settings: { ...readSettings({}), warmCells: 0, assetCacheBytes: 2 ** 20 },
    }),
  );
  const { id: by } = await ensureOperator(database);
  const owned = parts.move();
  return {
    database,
    runner,
    records,
    by,
    /** Deploys and waits until it is served. */
    async deploy({ files, settings = {}, source }: Site): Promise<Deployed> {
      const all = Object.entries(files).map(([path, file]) => ({ path, content: Buffer.from(file) }));
      await uploadAssets(database, by, new Map(all.map(({ content }) => [hashOf(content), content])));
      const main = source ?? "export default { fetch: (request, env) => env.ASSETS.fetch(request) }";
      const deployed = await deployVersion(database, {
        worker: "site",
        by,
        code: {
          modules: [{ name: "index.js", type: "esModule", content: Buffer.from(main) }],
          compatibilityDate: "2026-11-01",
          compatibilityFlags: [],
          sourceMaps: new Map(),
        },
        assets: {
          binding: "ASSETS",
          settings: {
            htmlHandling: "auto-trailing-slash",
            notFoundHandling: "none",
            runWorkerFirst: false,
            only: source === undefined,
            headers: [],
            redirects: [],
            ...settings,
          },
          files: all.map(({ path, content }) => ({
            path,
            hash: hashOf(content),
            size: content.length,
            contentType: "text/html; charset=utf-8",
          })),
        },
      });
      while (!runner.serves("site", deployed.version)) await Bun.sleep(2);
      return deployed;
    },
    get: (path: string, init: RequestInit = {}) =>
      fetch(`http://127.0.0.1:${runner.port}${path}`, {
        redirect: "manual",
        ...init,
        headers: { host: "site.localhost", ...Object.fromEntries(new Headers(init.headers)) },
      }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const page = "<h1>hello</h1>";

test("files are served without a cell, and recorded as invocations that took no CPU time of one", async () => {
  await using it = await rig();
  await it.deploy({ files: { "/index.html": page } });
  const response = await it.get("/");
  expect([response.status, await response.text()]).toEqual([200, page]);
  const tag = response.headers.get("etag") ?? "";
  expect((await it.get("/", { headers: { "if-none-match": tag } })).status).toBe(304);
  const missing = await it.get("/nothing");
  expect([missing.status, await missing.text()]).toEqual([404, ""]);
  expect((await it.get("/", { method: "POST", body: "x" })).status).toBe(405);
  using client = await RawClient.connect(it.runner.port);
  const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
  client.send(
    `GET / HTTP/1.1\r\nHost: site.localhost\r\n${upgrade}Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
  );
  expect((await client.response()).body).toBe(page);
  expect(it.runner.cells()).toEqual([]);
  expect(it.records).toMatchObject(
    [200, 304, 404, 405, 200].map((status) => ({
      kind: "invocation",
      status,
      outcome: "ok",
      cpuMs: 0,
      coldStart: false,
    })),
  );
});

test("the worker runs for what is no file, and gets files for itself", async () => {
  await using it = await rig();
  await it.deploy({
    files: { "/index.html": page, "/data.json": '{"a":1}', "/large.bin": new Uint8Array(500_000).fill(7) },
    settings: { notFoundHandling: "single-page-application" },
    source: `export default {
      async fetch(request, env) {
        const { pathname, search } = new URL(request.url);
        if (pathname === "/api/same") return env.ASSETS.fetch(request);
        if (pathname === "/follow") return env.ASSETS.fetch("https://any.host/index.html");
        const asked = await env.ASSETS.fetch(new URL(pathname.slice(4) + search, "http://assets.local"), { redirect: "manual" });
        const body = await asked.arrayBuffer();
        return Response.json([asked.status, body.byteLength, asked.headers.get("content-type"), asked.headers.get("location")]);
      }
    }`,
  });
  const type = "text/html; charset=utf-8";
  const ask = async (path: string, init?: RequestInit) => (await it.get(path, init)).json();
  expect(await ask("/api/data.json")).toEqual([200, 7, type, null]);
  expect(await ask("/api/large.bin", { headers: { "accept-encoding": "br" } })).toEqual([
    200,
    500_000,
    type,
    null,
  ]);
  expect(await ask("/api/index.html")).toEqual([307, 0, null, "/"]);
  expect(await ask("/api/..%2f..%2fetc%2fpasswd")).toEqual([404, 0, null, null]);
  const follow = await it.get("/follow");
  expect(await follow.text()).toBe(page);
  // Not a file, so the worker; and the worker passes it on to the files, which answer with the page.
  const same = await it.get("/api/same");
  expect([same.status, await same.text()]).toEqual([200, page]);
  // What a person navigates to is the application's, without the worker.
  const navigated = await it.get("/users/7", { headers: { "sec-fetch-mode": "navigate" } });
  expect(await navigated.text()).toBe(page);
});

test("run_worker_first keeps paths for the worker, whichever way they are spelt", async () => {
  await using it = await rig();
  await it.deploy({
    files: { "/index.html": page, "/admin/index.html": "secret" },
    settings: { runWorkerFirst: ["/admin/*"] },
    source: "export default { fetch: () => new Response('no', { status: 403 }) }",
  });
  expect((await it.get("/")).status).toBe(200);
  for (const path of [
    "/admin/",
    "/admin/index.html",
    "//admin/",
    "/%61dmin/",
    "/x/..%2fadmin/",
    "/admin%2f",
  ]) {
    using client = await RawClient.connect(it.runner.port);
    let location = path;
    for (let status = 307; status === 307; ) {
      client.send(`GET ${location} HTTP/1.1\r\nHost: site.localhost\r\n\r\n`);
      const response = await client.response();
      status = response.status;
      location = response.all("location")[0] ?? location;
      expect(response.body).not.toContain("secret");
    }
  }
});

test("a rollback brings the old files back", async () => {
  await using it = await rig();
  await it.deploy({ files: { "/index.html": "one", "/old.html": "old" } });
  await it.deploy({ files: { "/index.html": "two" } });
  expect([await (await it.get("/")).text(), (await it.get("/old")).status]).toEqual(["two", 404]);
  await rollback(it.database, { worker: "site", by: it.by });
  while ((await (await it.get("/")).text()) !== "one");
  expect(await (await it.get("/old")).text()).toBe("old");
});

test("a file larger than the cache is sent at the client's pace, and a client that leaves ends it", async () => {
  await using it = await rig();
  const large = new Uint8Array(20 * 2 ** 20).fill(120);
  await it.deploy({ files: { "/large.html": large, "/index.html": page } });
  using client = await RawClient.connect(it.runner.port);
  client.counting = true;
  client.send("GET /large HTTP/1.1\r\nHost: site.localhost\r\n\r\n");
  await client.until(() => client.bytesReceived > 2 ** 20);
  client.pause();
  using other = await RawClient.connect(it.runner.port);
  other.send("GET /large HTTP/1.1\r\nHost: site.localhost\r\n\r\n");
  await other.until(() => other.bytesReceived > 2 ** 20);
  other[Symbol.dispose]();
  // Meanwhile others are served.
  expect(await (await it.get("/")).text()).toBe(page);
  client.resume();
  await client.until(() => client.bytesReceived > large.length);
  while (it.records.length < 3) await Bun.sleep(2);
  expect(it.records.map((record) => record.kind === "invocation" && record.outcome).sort()).toEqual([
    "canceled",
    "ok",
    "ok",
  ]);
});

test("a file that PostgreSQL stops giving is cut off, and never looks whole", async () => {
  await using it = await rig();
  const large = new Uint8Array(20 * 2 ** 20).fill(120);
  await it.deploy({ files: { "/large.html": large } });
  using client = await RawClient.connect(it.runner.port);
  client.counting = true;
  client.send("GET /large HTTP/1.1\r\nHost: site.localhost\r\n\r\n");
  await client.until(() => client.bytesReceived > 2 ** 20);
  client.pause();
  await it.database[Symbol.asyncDispose]();
  client.resume();
  await client.untilClosed();
  expect(client.bytesReceived).toBeLessThan(large.length);
  while (it.records.length < 1) await Bun.sleep(2);
  expect(it.records).toMatchObject([{ kind: "invocation", status: 200, outcome: "crashed" }]);
});

test("requests follow one another on a connection, with bodies, HEAD and HTTP/1.0 among them", async () => {
  await using it = await rig();
  await it.deploy({ files: { "/index.html": page } });
  using client = await RawClient.connect(it.runner.port);
  const host = "Host: site.localhost\r\n";
  client.send(`GET / HTTP/1.1\r\n${host}\r\nHEAD / HTTP/1.1\r\n${host}\r\nGET / HTTP/1.1\r\n${host}\r\n`);
  expect((await client.response()).body).toBe(page);
  expect((await client.response(false)).all("content-length")).toEqual([String(page.length)]);
  expect((await client.response()).body).toBe(page);
  // A body that nobody reads: nobody knows where the next request begins, and the connection ends.
  client.send(`GET / HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\n`);
  expect((await client.response()).all("connection")).toEqual(["close"]);
  using old = await RawClient.connect(it.runner.port);
  old.send(`GET / HTTP/1.0\r\n${host}\r\n`);
  expect((await old.response()).body).toBe(page);
  await old.untilClosed();
});
