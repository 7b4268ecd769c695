import { expect, test } from "bun:test";
import { OpenWorkersError } from "../errors.ts";
import { newId } from "../ids.ts";
import type { InvocationRecord, LogLine, LogRecord } from "../logs.ts";
import { decodeLogBatch, encodeLogBatch } from "./log-batch.ts";
import { encodePayload } from "./payload.ts";

const shop = { workerId: newId<"worker">(), worker: "shop", versionId: newId<"version">(), version: 3 };
const later = { ...shop, versionId: newId<"version">(), version: 4 };
const line: LogLine = {
  time: 1_763_900_000_123,
  ...shop,
  kind: "line",
  level: "warn",
  message: "a \0 \ud800",
};
const invocation: InvocationRecord = {
  time: 1_763_900_000_100,
  ...later,
  kind: "invocation",
  requestId: newId<"request">(),
  trigger: "queue",
  method: "GET",
  host: "shop.localhost",
  path: "/",
  status: 200,
  outcome: "ok",
  wallMs: 1.2345678901234567,
  cpuMs: 0,
  coldStart: true,
};
const records: LogRecord[] = [
  line,
  invocation,
  { ...line, requestId: invocation.requestId, exception: { name: "TypeError", message: "m", stack: "s" } },
  {
    ...invocation,
    trigger: "scheduled",
    event: "* * * * *",
    path: "",
    host: "",
    method: "",
    coldStart: false,
  },
  { ...invocation, ...shop, path: "GET", outcome: "cpu-limit", time: 0 },
];
const batchId = crypto.randomUUID();

test("a batch holds its records, in their order and with all that they say", () => {
  expect(decodeLogBatch(encodeLogBatch({ batchId, records }))).toEqual({ batchId, records });
});

test("a batch of the release before is read", () => {
  expect(decodeLogBatch(encodePayload({ v: 1, batchId, records } as { v: number }))).toMatchObject({
    batchId,
    records,
  });
});

const whole = (): Record<string, unknown> =>
  JSON.parse(new TextDecoder().decode(encodeLogBatch({ batchId, records })));
const rowsOf = (row: readonly unknown[]) => ({ ...whole(), rows: [row] });
const [id] = [newId()];
const wrong: [string, Record<string, unknown>][] = [
  ["a later version", { ...whole(), v: 3 }],
  ["no version", { ...whole(), v: undefined }],
  ["an id that is none", { ...whole(), batchId: "1" }],
  ["no rows", { ...whole(), rows: [] }],
  ["rows that are none", { ...whole(), rows: [{}] }],
  ["an empty row", rowsOf([])],
  ["a kind that is none", rowsOf([2, 0, 0, id, 0, 0, 0, 0, 200, 0, 1, 1, 0])],
  ["a source that is not there", rowsOf([0, 0, 9, 0, 0, "x"])],
  ["a source by the name of a property", rowsOf([0, 0, "length", 0, 0, "x"])],
  ["a source between two", rowsOf([0, 0, 0.5, 0, 0, "x"])],
  ["a source that is no worker's", { ...rowsOf([0, 0, 0, 0, 0, "x"]), sources: [["1", "shop", id, 1]] }],
  ["a time that is no number", rowsOf([0, "0", 0, 0, 0, "x"])],
  ["a time without end", rowsOf([0, 1e308 * 10, 0, 0, 0, "x"])],
  ["a level that is none", rowsOf([0, 0, 0, 0, 6, "x"])],
  ["a message that is no text", rowsOf([0, 0, 0, 0, 0, 1])],
  ["half an exception", rowsOf([0, 0, 0, 0, 0, "x", "Error"])],
  ["a request that is none", rowsOf([1, 0, 0, "x", 0, 0, 0, 0, 200, 0, 1, 1, 0])],
  ["a trigger that is none", rowsOf([1, 0, 0, id, 5, 0, 0, 0, 200, 0, 1, 1, 0])],
  ["a string that is not there", rowsOf([1, 0, 0, id, 0, 0, 0, 99, 200, 0, 1, 1, 0])],
  ["a string before the first", rowsOf([1, 0, 0, id, 0, -1, 0, 0, 200, 0, 1, 1, 0])],
  ["a status that is no integer", rowsOf([1, 0, 0, id, 0, 0, 0, 0, 200.5, 0, 1, 1, 0])],
  ["a duration that is none", rowsOf([1, 0, 0, id, 0, 0, 0, 0, 200, 0, null, 1, 0])],
  ["neither cold nor warm", rowsOf([1, 0, 0, id, 0, 0, 0, 0, 200, 0, 1, 1, true])],
  [
    "an outcome that is too long",
    { ...rowsOf([1, 0, 0, id, 0, 0, 0, 0, 200, 0, 1, 1, 0]), strings: ["x".repeat(33)] },
  ],
];

test.each(wrong)("a batch with %s is refused", (_, batch) => {
  const bytes = new TextEncoder().encode(JSON.stringify(batch));
  expect(() => decodeLogBatch(bytes)).toThrow(OpenWorkersError);
  try {
    decodeLogBatch(bytes);
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: "INVALID_INPUT" });
  }
});
