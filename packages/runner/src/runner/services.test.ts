import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Binding, WorkerId } from "@openworkers/core";
import { startTestRunner, type TestRunner } from "./testing/test-runner.ts";

let it: TestRunner;
beforeAll(async () => {
  it = await startTestRunner();
});
afterAll(() => it[Symbol.asyncDispose]());

/** Deploys a worker whose fetch handler is `body`, bound to another one as `env.OTHER`. */
const caller = (worker: string, workerId: WorkerId, body: string, binding: Partial<Binding> = {}) =>
  it.deploy(
    worker,
    `export default { async fetch(request, env) {
      try { ${body} }
      catch (error) { return new Response(error.name + ": " + error.message, { status: 599 }) }
    } }`,
    { bindings: { OTHER: { kind: "worker", workerId, ...binding } as Binding } },
  );

const says = (what: string): string =>
  `export default { fetch: () => new Response(${JSON.stringify(what)}) }`;

test("a request through a binding reaches the other worker with the method, URL, headers and body it was given", async () => {
  const other = await it.deploy(
    "echo",
    `export default { async fetch(request) {
      return Response.json({ method: request.method, url: request.url, mine: request.headers.get("x-mine"),
        forwarded: request.headers.get("x-forwarded-for"), ray: request.headers.get("cf-ray"), body: await request.text() }, { status: 201 });
    } }`,
  );
  await caller(
    "asks",
    other,
    `return env.OTHER.fetch("https://any.example:8443/path?query=1", { method: "PUT", body: "hello", headers: { "x-mine": "1", "x-forwarded-for": "192.0.2.1", "cf-ray": "2" } });`,
  );
  const response = await it.get("asks");
  expect(response.status).toBe(201);
  expect(await response.json()).toEqual({
    method: "PUT",
    url: "https://any.example:8443/path?query=1",
    mine: "1",
    forwarded: "192.0.2.1",
    ray: "2",
    body: "hello",
  });
});

test("a method of the other worker is called with its arguments, and its result or error comes back", async () => {
  const other = await it.deploy(
    "adder",
    `import { WorkerEntrypoint } from "cloudflare:workers";
    export default class extends WorkerEntrypoint {
      add(a, b) { return a + b; }
      fail() { throw new TypeError("not today"); }
    }`,
  );
  await caller(
    "adds",
    other,
    `if (request.url.endsWith("/fail")) return new Response(await env.OTHER.fail());
     return new Response(String(await env.OTHER.add(1, 2)));`,
  );
  expect(await it.text("adds")).toBe("3");
  expect(await it.text("adds", "/fail")).toBe("TypeError: not today");
  expect(await it.text("adds")).toBe("3");
  expect(it.reports).toEqual([]);
});

const library = `import { WorkerEntrypoint, RpcTarget } from "cloudflare:workers";
class Counter extends RpcTarget {
  #count = 0;
  increment(by = 1) { this.#count += by; return this.#count; }
  get value() { return this.#count; }
  child() { return new Counter(); }
}
export default class extends WorkerEntrypoint {
  counter() { return new Counter(); }
  adder() { let sum = 0; return (by) => (sum += by); }
  async twice(callback) { return [await callback(1), await callback(2)]; }
  async length(stream) { let bytes = 0; for await (const chunk of stream) bytes += chunk.length; return bytes; }
  zeros(bytes) {
    return new ReadableStream({ type: "bytes", pull(controller) {
      const chunk = new Uint8Array(Math.min(65_536, bytes)); bytes -= chunk.length;
      if (chunk.length > 0) controller.enqueue(chunk); if (bytes === 0) controller.close();
    } });
  }
  map() { return new Map([["date", new Date(0)]]); }
  async respond(request) { return new Response(await request.text() + "!", { headers: request.headers }); }
  isolate() { return (globalThis.id ??= crypto.randomUUID()); }
}`;

test("stubs, functions, pipelined calls, disposal and structured values work as between workers of one process", async () => {
  const other = await it.deploy("library", library);
  await caller(
    "reads",
    other,
    `const results = {};
     {
       using counter = await env.OTHER.counter();
       await counter.increment(2);
       results.counter = [await counter.increment(), await counter.value];
       results.pipelined = await env.OTHER.counter().child().increment(5);
     }
     const add = await env.OTHER.adder();
     results.adder = [await add(1), await add(2)];
     let seen = 0;
     results.twice = await env.OTHER.twice(async (value) => (seen += value) * 10);
     results.date = (await env.OTHER.map()).get("date").toISOString();
     const response = await env.OTHER.respond(new Request("http://x/", { method: "POST", body: "hi", headers: { "x-mine": "1" } }));
     results.response = [await response.text(), response.headers.get("x-mine")];
     const gone = await env.OTHER.counter();
     gone[Symbol.dispose]();
     results.gone = await gone.increment().catch((error) => error.message);
     results.missing = await env.OTHER.nothing().catch((error) => error.message);
     return Response.json(results);`,
  );
  expect(await (await it.get("reads")).json()).toEqual({
    counter: [3, 3],
    pipelined: 5,
    adder: [1, 3],
    twice: [10, 30],
    date: "1970-01-01T00:00:00.000Z",
    response: ["hi!", "1"],
    gone: "RPC stub used after being disposed.",
    missing: 'The RPC receiver does not implement the method "nothing".',
  });
});

test("streams go both ways as arguments and results, far larger than any buffer", async () => {
  const other = await it.deploy("streams", library);
  await caller(
    "streamer",
    other,
    `if (request.method === "POST") return new Response(String(await env.OTHER.length(request.body)));
     return new Response(await env.OTHER.zeros(20_000_000));`,
  );
  expect((await (await it.get("streamer")).bytes()).length).toBe(20_000_000);
  expect(await it.text("streamer", "/", { method: "POST", body: new Uint8Array(30_000_000) })).toBe(
    "30000000",
  );
});

test("a WebSocket opens through a binding and carries messages both ways", async () => {
  const other = await it.deploy(
    "socket",
    `export default { fetch() {
      const [client, server] = Object.values(new WebSocketPair());
      server.accept();
      server.addEventListener("message", ({ data }) => server.send("echo " + data));
      return new Response(null, { status: 101, webSocket: client });
    } }`,
  );
  await caller("opens", other, "return env.OTHER.fetch(request);");
  const socket = new WebSocket(`ws://127.0.0.1:${it.runner.port}/`, {
    headers: { host: "opens.localhost" },
  } as never);
  const message = new Promise((resolve, reject) => {
    socket.onmessage = ({ data }) => resolve(data);
    socket.onerror = reject;
  });
  socket.onopen = () => socket.send("hello");
  expect(await message).toBe("echo hello");
  socket.close();
});

test("a worker can bind itself", async () => {
  const source = `import { WorkerEntrypoint } from "cloudflare:workers";
  export default class extends WorkerEntrypoint {
    double(value) { return value * 2; }
    async fetch(request) {
      if (new URL(request.url).pathname === "/inner") return new Response("inner");
      if (this.env.SELF === undefined) return new Response("unbound");
      return new Response(await (await this.env.SELF.fetch("http://self/inner")).text() + (await this.env.SELF.double(21)));
    }
  }`;
  const workerId = await it.deploy("selfish", source);
  await it.deploy("selfish", source, { bindings: { SELF: { kind: "worker", workerId } } });
  expect(await it.text("selfish")).toBe("inner42");
});

test("a named entrypoint is called with the props of its binding, by fetch and by method, from several workers at once", async () => {
  const other = await it.deploy(
    "entries",
    `import { WorkerEntrypoint } from "cloudflare:workers";
    export class Admin extends WorkerEntrypoint {
      who() { return { is: "admin", props: this.ctx.props }; }
      fetch() { return Response.json({ is: "admin", props: this.ctx.props }); }
    }
    export default class extends WorkerEntrypoint { who() { return { is: "default", props: this.ctx.props }; } }`,
    { entrypoints: ["Admin"] },
  );
  const body = `return Response.json([await env.OTHER.who(), await env.OTHER.fetch("http://x/").then((response) => response.json(), String)]);`;
  await caller("as-admin", other, body, { entrypoint: "Admin", props: '{"user": 1}' });
  await caller("as-another", other, body, { entrypoint: "Admin", props: '{"user": 2}' });
  await caller("as-nobody", other, `return Response.json(await env.OTHER.who());`);
  await caller("as-default", other, `return Response.json(await env.OTHER.who());`, { props: '{"user": 3}' });
  const eventually = async (worker: string, expected: unknown) => {
    // The change of what is called comes to the runner as a notification of its own.
    while (!Bun.deepEquals(await (await it.get(worker)).json().catch(() => undefined), expected))
      await Bun.sleep(5);
  };
  const admin = (user: number) => ({ is: "admin", props: { user } });
  await eventually("as-admin", [admin(1), admin(1)]);
  await eventually("as-another", [admin(2), admin(2)]);
  await eventually("as-default", { is: "default", props: { user: 3 } });
  await eventually("as-nobody", { is: "default", props: {} });
});

test("an entrypoint that the other worker does not export is an error that names it", async () => {
  const other = await it.deploy("exports-none", says("x"));
  await caller(
    "misses",
    other,
    `if (request.url.endsWith("/rpc")) return new Response(await env.OTHER.anything());
     return env.OTHER.fetch(request);`,
    { entrypoint: "Missing" },
  );
  const response = await it.get("misses");
  expect([response.status, await response.json()]).toMatchObject([501, { error: { code: "NO_ENTRYPOINT" } }]);
  expect(await it.text("misses", "/rpc")).toBe(
    "Error: Version 1 of the worker exports-none exports no entrypoint Missing.",
  );
});

test("a circle of requests ends with an error that names the limit, and both workers serve afterwards", async () => {
  const loops = `export default { async fetch(request, env) {
    if (new URL(request.url).pathname === "/well") return new Response("well");
    return env.OTHER.fetch("http://other/");
  } }`;
  const first = await it.deploy("loop-a", says("soon"));
  const second = await it.deploy("loop-b", loops, {
    bindings: { OTHER: { kind: "worker", workerId: first } },
  });
  await it.deploy("loop-a", loops, { bindings: { OTHER: { kind: "worker", workerId: second } } });
  const response = await it.get("loop-a");
  expect(response.status).toBe(508);
  expect(await response.text()).toContain("more than 16 deep");
  expect([await it.text("loop-a", "/well"), await it.text("loop-b", "/well")]).toEqual(["well", "well"]);
});

test("a circle of method calls ends with an error that names the limit, and both workers serve afterwards", async () => {
  const loops = `import { WorkerEntrypoint } from "cloudflare:workers";
  export default class extends WorkerEntrypoint {
    async round(depth) { return this.env.OTHER === undefined ? 0 : await this.env.OTHER.round(depth + 1); }
    async fetch(request) {
      if (new URL(request.url).pathname === "/well") return new Response("well");
      try { return new Response(String(await this.round(0))); }
      catch (error) { return new Response(error.message, { status: 599 }); }
    }
  }`;
  const first = await it.deploy("round-a", loops);
  const second = await it.deploy("round-b", loops, {
    bindings: { OTHER: { kind: "worker", workerId: first } },
  });
  await it.deploy("round-a", loops, { bindings: { OTHER: { kind: "worker", workerId: second } } });
  const response = await it.get("round-a");
  expect(response.status).toBe(599);
  expect(await response.text()).toContain("256");
  expect([await it.text("round-a", "/well"), await it.text("round-b", "/well")]).toEqual(["well", "well"]);
});

test("a circle of both, whose depth nobody counts, ends when a worker has no place left", async () => {
  const limits = { concurrency: 10, queueMs: 500 };
  const loops = `import { WorkerEntrypoint } from "cloudflare:workers";
  export default class extends WorkerEntrypoint {
    async turn() { return await (await this.env.OTHER.fetch("http://other/")).text(); }
    async fetch(request) {
      if (new URL(request.url).pathname === "/well") return new Response("well");
      return new Response(await this.env.OTHER.turn());
    }
  }`;
  const first = await it.deploy("both-a", loops, { limits });
  const second = await it.deploy("both-b", loops, {
    limits,
    bindings: { OTHER: { kind: "worker", workerId: first } },
  });
  await it.deploy("both-a", loops, { limits, bindings: { OTHER: { kind: "worker", workerId: second } } });
  expect(await it.text("both-a")).toContain("overloaded");
  expect([await it.text("both-a", "/well"), await it.text("both-b", "/well")]).toEqual(["well", "well"]);
});

test("a connection of any other kind through a binding is refused", async () => {
  const other = await it.deploy("unconnected", says("x"));
  await caller(
    "connects",
    other,
    `const socket = env.OTHER.connect("rpc:80");
     await socket.opened;
     return new Response("connected");`,
  );
  expect((await it.get("connects")).status).toBe(599);
});

test("a worker that has no version live, or is gone, is an error that says so", async () => {
  const other = await it.deploy("leaves", says("x"));
  await caller(
    "stays",
    other,
    `if (request.url.endsWith("/rpc")) return new Response(await env.OTHER.anything());
     return env.OTHER.fetch(request);`,
  );
  expect(await it.text("stays")).toBe("x");
  await it.withdraw("leaves");
  while ((await it.text("stays")) === "x") await Bun.sleep(5);
  expect((await it.get("stays")).status).toBe(404);
  expect(await it.text("stays", "/rpc")).toBe(
    "Error: The worker behind this service binding is not deployed.",
  );
});

test("calls are recorded as invocations of the worker that was called", async () => {
  const called = it.records.filter((record) => record.kind === "invocation" && record.worker === "adder");
  expect(called).toContainEqual(
    expect.objectContaining({ trigger: "service", method: "RPC", outcome: "ok", status: 200 }),
  );
  expect(called).toContainEqual(
    expect.objectContaining({ trigger: "service", outcome: "exception", status: 500 }),
  );
  expect(it.records).toContainEqual(
    expect.objectContaining({
      trigger: "service",
      worker: "echo",
      method: "PUT",
      status: 201,
      host: "any.example",
    }),
  );
});

test("nothing was reported to the operator", () => {
  expect(it.reports).toEqual([]);
});

test("calls count as subrequests of the request that makes them, and the limit is named", async () => {
  const other = await it.deploy(
    "counted",
    `import { WorkerEntrypoint } from "cloudflare:workers";
    export default class extends WorkerEntrypoint {
      fetch() { return new Response("called"); }
      one() { return 1; }
    }`,
  );
  await it.deploy(
    "counts",
    `export default { async fetch(request, env) {
      const said = [];
      const how = new URL(request.url).pathname === "/fetch"
        ? async () => { const answer = await env.OTHER.fetch("http://other/"); return [answer.status, await answer.text()].join(" "); }
        : async () => String(await env.OTHER.one());
      for (let count = 0; count < 7; count++) said.push(await how().catch((error) => error.message));
      return Response.json(said);
    } }`,
    { bindings: { OTHER: { kind: "worker", workerId: other } }, limits: { subrequests: 5 } },
  );
  const limit = "a request may make 5 (limits.subrequests)";
  const answers = async (path: string): Promise<string[]> =>
    (await (await it.get("counts", path)).json()) as string[];
  // Each request begins anew.
  for (let count = 0; count < 2; count++) {
    const fetched = await answers("/fetch");
    expect(fetched.slice(0, 5)).toEqual(Array(5).fill("200 called"));
    for (const refused of fetched.slice(5)) {
      expect(refused).toStartWith("429 ");
      expect(refused).toContain("SUBREQUEST_LIMIT");
      expect(refused).toContain(limit);
    }
  }
  const called = await answers("/methods");
  expect(called.slice(0, 5)).toEqual(Array(5).fill("1"));
  for (const refused of called.slice(5)) expect(refused).toContain(limit);
  // The connection on which a call was refused goes, and for a moment the next calls with it.
  while ((await answers("/methods"))[0] !== "1");
});
