import { afterAll, beforeAll, expect, test } from "bun:test";
import { Permissions } from "../egress/guard/permissions.ts";
import { startTestRunner, type TestRunner } from "../runner/testing/test-runner.ts";
import type { TraceSettings } from "./settings.ts";
import { type Collector, type ReceivedSpan, startCollector } from "./testing/collector.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";
const sampledParent = `00-${traceId}-${spanId}-01`;
const unsampledParent = `00-${traceId}-${spanId}-00`;

let collector: Collector;
let origin: ReturnType<typeof Bun.serve>;
/** Headers that the origin was sent. */
const asked: Headers[] = [];
beforeAll(() => {
  collector = startCollector();
  origin = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      asked.push(request.headers);
      return new Response("from outside", {
        status: new URL(request.url).pathname === "/missing" ? 404 : 200,
      });
    },
  });
});
afterAll(async () => {
  await origin.stop(true);
  await collector[Symbol.asyncDispose]();
});

function startRunner(
  traces: Partial<TraceSettings> = {},
  trustedProxies: readonly string[] = [],
): Promise<TestRunner> {
  return startTestRunner({
    egress: { open: true, permissions: Permissions.parse(["127.0.0.1"]), certificates: undefined },
    trustedProxies,
    traces: {
      url: collector.url,
      headers: { authorization: "Bearer collectors-own" },
      serviceName: "test-platform",
      sampler: { ratio: 1, parentBased: true },
      delayMs: 20,
      timeoutMs: 10_000,
      context: "trusted",
      ...traces,
    },
  });
}

const echo = `export default { fetch: (request) => new Response(request.headers.get("traceparent")) }`;

/** The spans of the invocation of `worker` that has ended last, and of what it did. */
async function spansOf(worker: string, count: number): Promise<readonly ReceivedSpan[]> {
  let mine: readonly ReceivedSpan[] = [];
  await collector.until((spans) => {
    const root = spans.findLast(({ attributes }) => attributes["faas.name"] === worker);
    mine = root === undefined ? [] : spans.filter((span) => span.traceId === root.traceId);
    return mine.length >= count;
  });
  return mine;
}

const named = (spans: readonly ReceivedSpan[], name: string) => spans.find((span) => span.name === name);

test("an invocation is a span, and what it asks of bindings, workers and the outside are its children", async () => {
  await using it = await startRunner();
  const { namespaceId } = await it.createStores();
  const callee = await it.deploy("callee", echo);
  await it.deploy(
    "all",
    `export default { async fetch(request, env) {
      await env.KV.put("key", "value");
      await caches.default.match("https://example.com/");
      const outside = await fetch(new URL(request.url).searchParams.get("origin") + "/missing?token=hush");
      const inside = await (await env.OTHER.fetch("https://callee/")).text();
      return Response.json({ mine: request.headers.get("traceparent"), inside, outside: outside.status });
    } }`,
    { bindings: { KV: { kind: "kv", namespaceId }, OTHER: { kind: "worker", workerId: callee } } },
  );
  const response = await it.get("all", `/path?origin=${origin.url.origin}&secret=hush`);
  const said = (await response.json()) as { mine: string; inside: string; outside: number };
  const spans = await spansOf("all", 5);
  const root = named(spans, "GET all");
  expect(root).toMatchObject({
    kind: 2,
    parentSpanId: "",
    service: "test-platform",
    error: undefined,
    attributes: {
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "url.path": "/path",
      "server.address": "all.localhost",
      "faas.name": "all",
      "faas.version": "1",
      "faas.invocation_id": response.headers.get("x-request-id"),
      "faas.trigger": "http",
      "faas.coldstart": true,
      "openworkers.outcome": "ok",
    },
  });
  expect(said.mine).toBe(`00-${root?.traceId}-${root?.spanId}-01`);
  const children = spans.filter(({ parentSpanId }) => parentSpanId === root?.spanId);
  expect(children.map(({ name, kind }) => `${name} ${kind}`).sort()).toEqual([
    "GET 3",
    "GET callee 2",
    "cache 3",
    "kv KV 3",
  ]);
  expect(spans).toHaveLength(5);
  const outbound = named(spans, "GET");
  expect(outbound).toMatchObject({
    error: "404",
    attributes: {
      "server.port": origin.port,
      "url.full": `${origin.url.origin}/missing`,
      "http.response.status_code": 404,
    },
  });
  expect(asked.at(-1)?.get("traceparent")).toBe(`00-${root?.traceId}-${outbound?.spanId}-01`);
  expect(said.inside).toBe(`00-${root?.traceId}-${named(spans, "GET callee")?.spanId}-01`);
  for (const child of children) {
    expect(child.start).toBeGreaterThanOrEqual(root?.start ?? 0n);
    expect(child.end).toBeLessThanOrEqual(root?.end ?? 0n);
  }
  expect(
    collector.requests.every((headers) => headers.get("authorization") === "Bearer collectors-own"),
  ).toBe(true);
  expect(JSON.stringify(spans.map(({ attributes }) => attributes))).not.toContain("hush");
});

test("calls of methods and scheduled events are invocations too, and how they failed is said", async () => {
  await using it = await startRunner();
  const adder = await it.deploy(
    "adder",
    `import { WorkerEntrypoint } from "cloudflare:workers";
    export default class extends WorkerEntrypoint { fail() { throw new TypeError("not today"); } }`,
  );
  const workerId = await it.deploy(
    "clocked",
    `export default { async scheduled(event, env) { await env.ADDER.fail(); } }`,
    { bindings: { ADDER: { kind: "worker", workerId: adder } } },
  );
  const event = { workerId, cron: "* * * * *", scheduledTime: Date.now(), wallMs: 60_000 };
  const { requestId } = await it.runner.events.scheduled(event, new AbortController().signal);
  const spans = await spansOf("clocked", 2);
  const root = named(spans, "scheduled clocked");
  expect(root).toMatchObject({
    kind: 5,
    error: "exception",
    attributes: {
      "faas.trigger": "timer",
      "faas.invocation_id": requestId,
      "openworkers.outcome": "exception",
    },
  });
  expect(named(spans, "call adder")).toMatchObject({
    kind: 2,
    parentSpanId: root?.spanId,
    error: "exception",
  });
});

test("a trace header that the worker sets itself is the one that is sent", async () => {
  await using it = await startRunner();
  await it.deploy(
    "own",
    `export default { fetch: (request) => fetch("${origin.url.origin}", { headers: { TraceParent: "${unsampledParent}" } }) }`,
  );
  await it.text("own");
  expect(asked.at(-1)?.get("traceparent")).toBe(unsampledParent);
});

test("of several requests in flight in a cell each fetch belongs to its own", async () => {
  await using it = await startRunner();
  await it.deploy(
    "many",
    `export default { async fetch(request) {
      await scheduler.wait(20);
      return await fetch("${origin.url.origin}", { headers: { "x-mine": request.headers.get("traceparent") } });
    } }`,
  );
  await it.text("many");
  const before = asked.length;
  await Promise.all(Array.from({ length: 10 }, () => it.text("many")));
  const mine = asked.slice(before);
  expect(mine).toHaveLength(10);
  await collector.until((spans) => spans.filter(({ name }) => name === "GET many").length >= 11);
  for (const headers of mine) {
    const [, trace, own] = (headers.get("x-mine") ?? "").split("-");
    const [, sentTrace, sent] = (headers.get("traceparent") ?? "").split("-");
    expect(sentTrace).toBe(trace ?? "none");
    expect(collector.spans.find((span) => span.spanId === sent)?.parentSpanId).toBe(own ?? "none");
  }
});

test("a stranger's trace is not gone on from, and the worker is told of the new one alone", async () => {
  await using it = await startRunner();
  await it.deploy("stranger", echo);
  const said = await it.text("stranger", "/", { headers: { traceparent: sampledParent } });
  expect(said).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  expect(said).not.toContain(traceId);
  expect((await spansOf("stranger", 1))[0]?.parentSpanId).toBe("");
});

test("a trusted proxy's trace is gone on from, and it decides what is recorded", async () => {
  await using it = await startRunner({ sampler: { ratio: 0, parentBased: true } }, ["127.0.0.1"]);
  await it.deploy("proxied", echo);
  expect(await it.text("proxied", "/", { headers: { traceparent: unsampledParent } })).toBe(unsampledParent);
  const said = await it.text("proxied", "/", { headers: { traceparent: sampledParent } });
  const [root] = await spansOf("proxied", 1);
  expect(root).toMatchObject({ traceId, parentSpanId: spanId });
  expect(said).toBe(`00-${traceId}-${root?.spanId}-01`);
  await it.text("proxied");
  await it[Symbol.asyncDispose]();
  expect(collector.spans.filter(({ name }) => name === "GET proxied")).toHaveLength(1);
});

test("where everybody's trace is gone on from, a stranger cannot have it recorded, nor left out", async () => {
  await using all = await startRunner({ context: "accept" });
  await all.deploy("open", echo);
  await all.text("open", "/", { headers: { traceparent: unsampledParent } });
  expect((await spansOf("open", 1))[0]).toMatchObject({ parentSpanId: spanId });
  await using none = await startRunner({ context: "accept", sampler: { ratio: 0, parentBased: true } });
  await none.deploy("closed", echo);
  expect(await none.text("closed", "/", { headers: { traceparent: sampledParent } })).toBe(sampledParent);
  await none[Symbol.asyncDispose]();
  expect(collector.spans.some(({ name }) => name === "GET closed")).toBe(false);
});

test("what is not recorded has no part that is", async () => {
  await using it = await startRunner({ sampler: { ratio: 0, parentBased: true } });
  const callee = await it.deploy("unseen-callee", echo);
  await it.deploy(
    "unseen",
    `export default { async fetch(request, env) {
      await caches.default.match("https://example.com/");
      await fetch("${origin.url.origin}");
      return await env.OTHER.fetch("https://callee/");
    } }`,
    { bindings: { OTHER: { kind: "worker", workerId: callee } } },
  );
  expect(await it.text("unseen")).toBe("");
  expect(asked.at(-1)?.get("traceparent")).toBeNull();
  const before = collector.spans.length;
  await it[Symbol.asyncDispose]();
  expect(collector.spans).toHaveLength(before);
});

test("a name that somebody makes up is no span's", async () => {
  await using it = await startRunner();
  await it.deploy("methods", echo);
  const socket = await Bun.connect({ hostname: "127.0.0.1", port: it.runner.port, socket: { data() {} } });
  socket.write("MADEUP / HTTP/1.1\r\nHost: methods.localhost\r\n\r\n");
  const [root] = await spansOf("methods", 1);
  expect(root).toMatchObject({ name: "_OTHER methods", error: "501" });
  socket.end();
});

const lost = "Traces were lost: the collector did not take them.";

test("a collector that is away costs the requests nothing, and the operator is told", async () => {
  const gone = startCollector();
  await gone[Symbol.asyncDispose]();
  await using it = await startRunner({ url: gone.url, timeoutMs: 200 });
  await it.deploy("lonely", echo);
  expect((await it.get("lonely")).status).toBe(200);
  while (!it.reports.some(({ message }) => message === lost)) await Bun.sleep(5);
  expect((await it.get("lonely")).status).toBe(200);
});
