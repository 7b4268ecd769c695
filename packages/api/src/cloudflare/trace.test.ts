import { expect, test } from "bun:test";
import type { InvocationRecord, LogLine } from "@openworkers/core";
import { newId } from "@openworkers/core";
import { Tracer } from "./trace.ts";

const base = {
  workerId: newId<"worker">(),
  worker: "shop",
  versionId: newId<"version">(),
  version: 1,
};
const requestId = newId<"request">();
const line = (message: string, more: Partial<LogLine> = {}): LogLine => ({
  ...base,
  kind: "line",
  time: 1_000,
  level: "log",
  message,
  requestId,
  ...more,
});
const ended: InvocationRecord = {
  ...base,
  kind: "invocation",
  time: 1_010,
  requestId,
  trigger: "fetch",
  method: "GET",
  host: "shop.example.com",
  path: "/a",
  status: 500,
  outcome: "exception",
  wallMs: 10,
  cpuMs: 2,
  coldStart: false,
};

test("an invocation's event has its lines, and its exceptions apart from them", () => {
  const tracer = new Tracer();
  const exception = { name: "TypeError", message: "no", stack: "at a" };
  expect(tracer.take(line("seen"))).toBeUndefined();
  expect(tracer.take(line("TypeError: no", { exception }))).toBeUndefined();
  expect(tracer.take(ended)).toMatchObject({
    scriptName: "shop",
    outcome: "exception",
    eventTimestamp: 1_000,
    event: { request: { url: "http://shop.example.com/a", method: "GET" }, response: { status: 500 } },
    logs: [{ message: ["seen"], level: "log" }],
    exceptions: [{ name: "TypeError", message: "no" }],
  });
});

test("lines of others are not an invocation's, and a line of none is an event of its own", () => {
  const tracer = new Tracer();
  tracer.take(line("another's", { requestId: newId<"request">() }));
  expect(tracer.take(ended)).toMatchObject({ logs: [] });
  const { requestId: _, ...outside } = line("at the top");
  expect(tracer.take(outside)).toMatchObject({ event: null, logs: [{ message: ["at the top"] }] });
});

test("only wanted events are told", () => {
  expect(new Tracer({ outcome: ["ok"] }).take(ended)).toBeUndefined();
  expect(new Tracer({ method: ["POST"] }).take(ended)).toBeUndefined();
  expect(new Tracer({ method: ["get"], outcome: ["exception"] }).take(ended)).toBeDefined();
  expect(new Tracer({ query: "nowhere" }).take(ended)).toBeUndefined();
});
