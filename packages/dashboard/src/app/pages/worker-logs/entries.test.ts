import { expect, test } from "bun:test";
import { gradeOf, grouped, type Invocation, merged, tellingLine } from "./entries.ts";
import { comparePositions, justAfter, type Seen } from "./record.ts";

const id = "01a207bb-f488-71f7-834c-da6875eb2ac3";
const other = "01a207bb-f488-71f7-834c-da6875eb2ac4";
let next = 0;

function seen(record: object): Seen {
  next += 1;
  const base = { position: `1.${next}`, time: next, workerId: id, worker: "shop", versionId: id, version: 1 };
  return { ...base, ...record } as Seen;
}
const line = (message: string, requestId?: string, level = "log") =>
  seen({ kind: "line", level, message, ...(requestId === undefined ? {} : { requestId }) });
const end = (requestId: string, more: object = {}) =>
  seen({ kind: "invocation", requestId, trigger: "fetch", status: 200, outcome: "ok", ...more });

test("lines stand with their invocation, in the order in which invocations were first heard of", () => {
  const records = [line("a", id), line("b", other), line("top level"), end(id), line("late", id), end(other)];
  const entries = grouped(records);
  expect(entries.map((entry) => (entry.kind === "line" ? "line" : entry.requestId))).toEqual([
    id,
    other,
    "line",
  ]);
  expect((entries[0] as Invocation).lines.map(({ message }) => message)).toEqual(["a", "late"]);
});

test("a second call under one id, and one id in two workers, are invocations of their own", () => {
  const records = [end(id), end(id), end(id, { workerId: other })];
  const entries = grouped(records);
  expect(entries).toHaveLength(3);
  expect(new Set(entries.map(({ key }) => key)).size).toBe(3);
});

test("how bad one was is told by its end and by its worst line, which is the one that is shown", () => {
  const gradeAfter = (...records: Seen[]) => gradeOf(grouped(records)[0] as Invocation);
  expect(gradeAfter(end(id))).toBe("good");
  expect(gradeAfter(line("x", id))).toBe("muted");
  expect(gradeAfter(line("x", id, "warn"), end(id))).toBe("warn");
  expect(gradeAfter(line("x", id, "error"), end(id))).toBe("bad");
  expect(gradeAfter(end(id, { outcome: "cpu-limit", status: 503 }))).toBe("bad");
  expect(gradeAfter(end(id, { outcome: "canceled" }))).toBe("warn");
  const [entry] = grouped([line("first", id), line("second", id, "warn"), line("third", id, "error")]);
  expect(tellingLine(entry as Invocation)?.message).toBe("third");
});

test("what is read twice is there once, in the order of positions, which are no decimals", () => {
  const [a, b] = [line("a"), line("b")];
  expect(merged([b], [a, b])).toEqual([a, b]);
  expect(comparePositions("1.9", "1.10")).toBeLessThan(0);
  expect(justAfter("1099511627777.3")).toBe("1099511627777.4");
});
