import { expect, test } from "bun:test";
import type { AssetSettings } from "@openworkers/core";
import { rollback } from "@openworkers/db";
import { RawClient } from "../ingress/testing/raw-client.ts";
import { startTestRunner } from "./testing/test-runner.ts";

interface Site {
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly settings?: Partial<AssetSettings>;
  readonly source?: string;
}

const filesAlone = "export default { fetch: (request, env) => env.ASSETS.fetch(request) }";

/** A runner with its database and real cells, for one site. */
async function rig() {
  const it = await startTestRunner({ warmCells: 0, assetCacheBytes: 2 ** 20 });
  return {
    ...it,
    /** Deploys and waits until it is served. */
    deploy: ({ files, settings = {}, source }: Site) =>
      it.deploy("site", source ?? filesAlone, {
        files,
        assets: { only: source === undefined, ...settings },
      }),
    get: (path: string, init: RequestInit = {}) => it.get("site", path, { redirect: "manual", ...init }),
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
  await rollback(it.database, { worker: "site", by: it.operator });
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

test("no spelling of a path through a service binding reaches what a client does not reach", async () => {
  await using it = await startTestRunner({ warmCells: 0 });
  const workerId = await it.deploy(
    "site",
    "export default { fetch: () => new Response('the worker', { status: 403 }) }",
    {
      files: { "/index.html": page, "/admin/index.html": "secret", "/_headers": "rules" },
      assets: { runWorkerFirst: ["/admin/*"] },
    },
  );
  await it.deploy("other", "export default { fetch: () => new Response('another worker') }", {
    files: { "/other.html": "another's" },
  });
  await it.deploy(
    "caller",
    `export default { async fetch(request, env) {
      const said = [];
      for (const path of await request.json()) {
        let url = new URL("http://site/");
        try { url = new URL("http://site" + path); } catch {}
        for (let hops = 0; hops < 5; hops++) {
          const answer = await env.SITE.fetch(url, { redirect: "manual" });
          said.push([path, answer.status, await answer.text(), url.host]);
          const location = answer.headers.get("location");
          if (location === null) break;
          url = new URL(location, url);
        }
      }
      return Response.json(said);
    } }`,
    { bindings: { SITE: { kind: "worker", workerId } } },
  );
  const inside = [
    "/admin/",
    "/admin/index.html",
    "//admin/",
    "/%61dmin/",
    "/x/..%2fadmin/",
    "/admin%2f",
    "/./admin/",
    "/%2e/admin/",
    "/admin%2findex",
    "/ADMIN/",
    "/admin\\index.html",
  ];
  const outside = [
    "/../other/other.html",
    "/..%2f..%2fetc%2fpasswd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..%5c..%5cetc",
    "/%00",
    "/other.html",
    "/etc/passwd",
    "//other.localhost/other.html",
    "/index.html%00.js",
  ];
  const body = JSON.stringify(["/", ...inside, ...outside]);
  const said = (await (await it.get("caller", "/", { method: "POST", body })).json()) as [
    string,
    number,
    string,
    string,
  ][];
  expect(said[0]).toEqual(["/", 200, page, "site"]);
  for (const [path, status, text, host] of said.slice(1)) {
    expect({ path, text }).toEqual({ path, text: expect.not.stringMatching(/secret|another|root:|rules/) });
    // What is no file is the worker's own to answer; a redirect stays where it is.
    expect({ path, status, host, known: [200, 307, 403, 400].includes(status) }).toEqual({
      path,
      status,
      host: "site",
      known: true,
    });
    if (status === 200) expect({ path, text }).toEqual({ path, text: page });
  }
  // Nobody else's files either, by the binding of the worker that has some.
  expect(await it.text("other", "/other")).toBe("another's");
});
