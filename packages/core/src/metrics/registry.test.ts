import { describe, expect, test } from "bun:test";
import { isOpenWorkersError } from "../errors.ts";
import { addProcessMetrics } from "./process-metrics.ts";
import { Registry } from "./registry.ts";
import { metricsType, serveMetrics } from "./serve.ts";
import { parseExposition } from "./testing/parse-exposition.ts";

test("counters, gauges and histograms are read as what they are", () => {
  const registry = new Registry();
  registry.counter("ow_things_total", "Things.").add(3);
  const outcomes = registry.counters("ow_requests_total", "Requests.", ["trigger", "outcome"]);
  outcomes.of("fetch", "ok").add();
  outcomes.of("fetch", "ok").add();
  outcomes.of("queue", "exception").add();
  registry.gauge("ow_size_bytes", "Size.", () => 12.5);
  registry.gauge("ow_cells", "Cells.", () => [
    { labels: { state: "busy" }, value: 1 },
    { labels: { state: "idle" }, value: Number.POSITIVE_INFINITY },
  ]);
  const walls = registry.histograms("ow_wall_seconds", "Wall time.", ["trigger"], [0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 7]) walls.of("fetch").observe(value);
  const metrics = parseExposition(registry.text());
  expect(Object.fromEntries(metrics.get("ow_requests_total")?.samples ?? [])).toEqual({
    'ow_requests_total{trigger="fetch",outcome="ok"}': 2,
    'ow_requests_total{trigger="queue",outcome="exception"}': 1,
  });
  expect(metrics.get("ow_things_total")).toEqual({
    type: "counter",
    help: "Things.",
    samples: new Map([["ow_things_total", 3]]),
  });
  expect(metrics.get("ow_size_bytes")?.samples.get("ow_size_bytes")).toBe(12.5);
  expect(metrics.get("ow_cells")?.samples.get('ow_cells{state="idle"}')).toBe(Number.POSITIVE_INFINITY);
  // A bound is within its bucket.
  expect(Object.fromEntries(metrics.get("ow_wall_seconds")?.samples ?? [])).toEqual({
    'ow_wall_seconds_bucket{trigger="fetch",le="0.1"}': 2,
    'ow_wall_seconds_bucket{trigger="fetch",le="1"}': 3,
    'ow_wall_seconds_bucket{trigger="fetch",le="+Inf"}': 4,
    'ow_wall_seconds_sum{trigger="fetch"}': 7.65,
    'ow_wall_seconds_count{trigger="fetch"}': 4,
  });
});

test("a label's value cannot break out of its line", () => {
  const registry = new Registry();
  const hostile = 'a"} 1\now_forged_total 99\\';
  registry.counters("ow_requests_total", "A help\nof two lines \\ here.", ["worker"]).of(hostile).add();
  const metrics = parseExposition(registry.text());
  expect([...metrics.keys()]).toEqual(["ow_requests_total"]);
  expect([...(metrics.get("ow_requests_total")?.samples.keys() ?? [])]).toEqual([
    'ow_requests_total{worker="a\\"} 1\\now_forged_total 99\\\\"}',
  ]);
});

test("values without end are counted as other ones, and none is lost", () => {
  const registry = new Registry();
  const family = registry.counters("ow_requests_total", "Requests.", ["worker"]);
  for (let at = 0; at < 5_000; at++) family.of(`w${at}`).add();
  const samples = parseExposition(registry.text()).get("ow_requests_total")?.samples ?? new Map();
  expect(samples.size).toBe(1_001);
  expect(samples.get('ow_requests_total{worker="other"}')).toBe(4_000);
});

test("a name that is taken or none is refused", () => {
  const registry = new Registry();
  registry.counter("ow_things_total", "Things.");
  expect(() => registry.gauge("ow_things_total", "Again.", () => 1)).toThrow(TypeError);
  expect(() => registry.counter("ow things", "Spaced.")).toThrow(TypeError);
});

describe("the server", () => {
  test("answers GET /metrics with what there is now, and nothing else", async () => {
    const registry = new Registry();
    addProcessMetrics(registry);
    const counter = registry.counter("ow_things_total", "Things.");
    await using server = serveMetrics(registry, { port: 0 });
    const url = `http://127.0.0.1:${server.port}/metrics`;
    const read = async () => parseExposition(await (await fetch(url)).text());
    expect((await read()).get("ow_things_total")?.samples.get("ow_things_total")).toBe(0);
    counter.add();
    const metrics = await read();
    expect(metrics.get("ow_things_total")?.samples.get("ow_things_total")).toBe(1);
    expect(metrics.get("process_resident_memory_bytes")?.samples.values().next().value).toBeGreaterThan(1e6);
    expect(metrics.get("process_cpu_seconds_total")?.type).toBe("counter");
    expect((await fetch(url)).headers.get("content-type")).toBe(metricsType);
    expect((await fetch(url, { method: "POST" })).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${server.port}/`)).status).toBe(404);
  });

  test("says with 200 or 503 whether the service can do its work", async () => {
    let ok = true;
    await using server = serveMetrics(new Registry(), { port: 0, healthy: () => ok });
    const ask = () => fetch(`http://127.0.0.1:${server.port}/health`);
    expect((await ask()).status).toBe(200);
    ok = false;
    expect((await ask()).status).toBe(503);
  });

  test("says that its port is taken", async () => {
    await using taken = serveMetrics(new Registry(), { port: 0 });
    let thrown: unknown;
    try {
      serveMetrics(new Registry(), { port: taken.port });
    } catch (error) {
      thrown = error;
    }
    expect(isOpenWorkersError(thrown, "PORT_IN_USE")).toBe(true);
  });
});
