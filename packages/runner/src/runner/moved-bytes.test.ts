import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Permissions } from "../egress/guard/permissions.ts";
import { startTestRunner, type TestRunner } from "./testing/test-runner.ts";

const MiB = 2 ** 20;
const bytes = 100 * MiB;

/** Makes the worker's streams, and reads them as JavaScript does: piece by piece. */
const streams = `
const piece = new Uint8Array(65_536).fill(65);
const made = (bytes) => {
  const { readable, writable } = new FixedLengthStream(bytes);
  const write = async () => {
    const writer = writable.getWriter();
    for (let left = bytes; left > 0; left -= piece.length) await writer.write(piece.subarray(0, Math.min(left, piece.length)));
    await writer.close();
  };
  write().catch(() => {});
  return readable;
};
const lengthOf = async (stream) => {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.length;
  return bytes;
};
const respond = async (body) => {
  try { return new Response(String(await body())); }
  catch (error) { return new Response(String(error), { status: 599 }); }
};`;

/** A worker whose paths are the functions of `table`. */
const actions = (table: Readonly<Record<string, string>>): string => `${streams}
const actions = {
  ${Object.entries(table)
    .map(([name, code]) => `${JSON.stringify(name)}: async (request, env) => { ${code} },`)
    .join("\n")}
};
export default {
  fetch: (request, env) => respond(() => actions[new URL(request.url).pathname](request, env)),
};`;

/** `total` bytes, or for ever, with `pauseMs` between 16 KiB. */
async function* pieces(total: number, pauseMs = 0): AsyncGenerator<Uint8Array> {
  const size = pauseMs === 0 ? 65_536 : 16_384;
  for (let sent = 0; sent < total; sent += size) {
    if (pauseMs > 0) await Bun.sleep(pauseMs);
    yield new Uint8Array(Math.min(size, total - sent)).fill(66);
  }
}

let origin: ReturnType<typeof Bun.serve>;
let it: TestRunner;
beforeAll(async () => {
  origin = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    async fetch(request) {
      if (request.method === "POST") {
        let length = 0;
        for await (const chunk of request.body ?? []) length += chunk.byteLength;
        return new Response(String(length));
      }
      const { pathname } = new URL(request.url);
      return new Response(
        pathname === "/trickle" ? pieces(Number.POSITIVE_INFINITY, 10) : pieces(Number(pathname.slice(1))),
      );
    },
  });
  const permissions = Permissions.parse(["127.0.0.0/8"]);
  it = await startTestRunner({ egress: { open: true, permissions, certificates: undefined } });
}, 60_000);
afterAll(async () => {
  await it[Symbol.asyncDispose]();
  await origin.stop(true);
}, 60_000);

/** What a worker with the default limits answers to GET. */
async function ask(worker: string, path: string): Promise<[number, string]> {
  const response = await it.get(worker, path);
  return [response.status, await response.text()];
}

describe("with the default limits, a worker that moves many bytes is no worker that loops:", () => {
  test("an object is made piece by piece, read piece by piece, and copied", async () => {
    const { bucketId } = await it.createStores();
    const source = actions({
      "/put": `return (await env.BUCKET.put("made", made(${bytes}))).size;`,
      "/read": `return lengthOf((await env.BUCKET.get("made")).body);`,
      "/copy": `return (await env.BUCKET.put("copy", (await env.BUCKET.get("made")).body)).size;`,
    });
    await it.deploy("objects", source, { bindings: { BUCKET: { kind: "storage", bucketId } } });
    for (const path of ["/put", "/read", "/copy"]) {
      expect([path, ...(await ask("objects", path))]).toEqual([path, 200, String(bytes)]);
    }
  }, 60_000);

  test("a fetched body is read piece by piece, and one is made and sent", async () => {
    const url = `http://127.0.0.1:${origin.port}`;
    const source = actions({
      "/read": `return lengthOf((await fetch("${url}/${bytes}")).body);`,
      "/send": `return (await fetch("${url}", { method: "POST", body: made(${bytes}) })).text();`,
    });
    await it.deploy("fetches", source);
    for (const path of ["/read", "/send"]) {
      expect([path, ...(await ask("fetches", path))]).toEqual([path, 200, String(bytes)]);
    }
  }, 60_000);

  test("what another worker answers, and what its method returns, are read piece by piece", async () => {
    const other = await it.deploy(
      "answers",
      `import { WorkerEntrypoint } from "cloudflare:workers"; ${streams}
       export default class extends WorkerEntrypoint {
         fetch() { return new Response(made(${32 * MiB})); }
         stream() { return made(${32 * MiB}); }
       }`,
    );
    const source = actions({
      "/fetch": `return lengthOf((await env.OTHER.fetch("http://other/")).body);`,
      "/method": "return lengthOf(await env.OTHER.stream());",
    });
    await it.deploy("calls", source, { bindings: { OTHER: { kind: "worker", workerId: other } } });
    for (const path of ["/fetch", "/method"]) {
      expect([path, ...(await ask("calls", path))]).toEqual([path, 200, String(32 * MiB)]);
    }
  }, 60_000);

  test("values of KV and responses of the cache are read piece by piece", async () => {
    const { namespaceId } = await it.createStores();
    const source = actions({
      "/kv": `await env.KV.put("key", made(${25 * MiB}));
        return lengthOf(await env.KV.get("key", "stream"));`,
      "/cache": `const headers = { "cache-control": "max-age=1000" };
        await caches.default.put("http://x/", new Response(made(${10 * MiB}), { headers }));
        let bytes = 0;
        for (let times = 0; times < 4; times++) bytes += await lengthOf((await caches.default.match("http://x/")).body);
        return bytes;`,
    });
    await it.deploy("keeps", source, { bindings: { KV: { kind: "kv", namespaceId } } });
    expect(await ask("keeps", "/kv")).toEqual([200, String(25 * MiB)]);
    expect(await ask("keeps", "/cache")).toEqual([200, String(40 * MiB)]);
  }, 60_000);
});

describe("a worker that loops is ended at its limit", () => {
  /** A loop that lets the event loop turn. */
  const loop = `for (;;) {
    const until = performance.now() + 2;
    while (performance.now() < until);
    await scheduler.wait(0);
  }`;

  test("while it streams, too: without a turn of its event loop, or with", async () => {
    const begin = `const { body } = await fetch("http://127.0.0.1:${origin.port}/trickle"); lengthOf(body).catch(() => {});`;
    await it.deploy("loops", actions({ "/turns": `${begin} ${loop}`, "/stands": `${begin} for (;;);` }));
    for (const path of ["/turns", "/stands"]) {
      const response = await it.get("loops", path);
      expect([response.status, response.headers.get("x-termination-reason")]).toEqual([503, "cpu-limit"]);
    }
  }, 60_000);

  test("with no more left of all that it moved before than is carried over", async () => {
    const moved = 128 * MiB;
    // At little cost: each piece is as large as can be.
    const source = actions({
      "/": `const { body } = await fetch("http://127.0.0.1:${origin.port}/${moved}");
        const reader = body.getReader({ mode: "byob" });
        for (let buffer = new ArrayBuffer(262_144), done = false; !done; ) {
          const read = await reader.read(new Uint8Array(buffer));
          ({ done } = read);
          buffer = read.value?.buffer;
        }
        ${loop}`,
    });
    await it.deploy("saves", source);
    const response = await it.get("saves");
    expect(response.headers.get("x-termination-reason")).toBe("cpu-limit");
    const record = it.records.find((each) => each.kind === "invocation" && each.worker === "saves");
    // Its bytes have earned 2,048 ms; it has used a few hundred for them, 250 of what was left, and its limit of 100.
    expect(record?.kind === "invocation" ? record.cpuMs : undefined).toBeLessThan(1_500);
  }, 60_000);
});
