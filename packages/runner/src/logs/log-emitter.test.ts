import { expect, test } from "bun:test";
import { logSubject, OpenWorkersError } from "@openworkers/core";
import { LogEmitter, type LogEmitterOptions } from "./log-emitter.ts";
import { invocation, line, source } from "./testing/records.ts";
import { ScriptedBus, unavailable } from "./testing/scripted-bus.ts";

const forever = new AbortController().signal;

function emitter(bus: ScriptedBus, options: Partial<LogEmitterOptions> = {}) {
  const reports: string[] = [];
  const logs = new LogEmitter({ bus, report: (message) => reports.push(message), ...options });
  return { logs, reports, [Symbol.asyncDispose]: () => logs[Symbol.asyncDispose]() };
}

/** Until the emitter has tried to send `count` batches. */
async function tried(bus: ScriptedBus, count: number): Promise<void> {
  while (bus.tried.length < count) await Bun.sleep(1);
}

test("records of one worker travel together, and those of another apart", async () => {
  const bus = new ScriptedBus();
  await using rig = emitter(bus);
  const [a, b] = [source("a"), source("b")];
  rig.logs.emit(line(a, "one"));
  rig.logs.emit(line(b, "uno"));
  rig.logs.emit(line(a, "two"));
  rig.logs.emit(invocation(a, "/three"));
  await tried(bus, 2);
  expect(await rig.logs.flush(forever)).toBe(0);
  expect(bus.stored.map(({ subject }) => subject)).toEqual([logSubject(a.workerId), logSubject(b.workerId)]);
  expect(bus.messages("a")).toEqual(["one", "two", "/three"]);
  expect(bus.stored.every(({ id, batch }) => id === batch.batchId)).toBe(true);
});

test("a worker's batches keep their order, and 256 KiB of records do not wait for more", async () => {
  const bus = new ScriptedBus();
  bus.before = () => Bun.sleep(Math.random() * 3);
  await using rig = emitter(bus, { waitMs: 3_600_000 });
  const a = source("a");
  const text = "x".repeat(1_000);
  for (let at = 0; at < 5_000; at++) rig.logs.emit(line(a, `${at} ${text}`));
  await tried(bus, 2);
  expect(bus.mostUnderWay).toBe(1);
  await rig.logs.flush(forever);
  expect(bus.messages("a").map((message) => Number.parseInt(message, 10))).toEqual([...Array(5_000).keys()]);
  expect(Math.max(...bus.stored.map(({ bytes }) => bytes))).toBeLessThan(400_000);
});

test("what the bus did not take is sent again under the same id, before anything newer", async () => {
  const bus = new ScriptedBus();
  bus.before = async () => {
    if (bus.tried.length < 3) throw unavailable();
  };
  await using rig = emitter(bus);
  const a = source("a");
  rig.logs.emit(line(a, "one"));
  await tried(bus, 1);
  rig.logs.emit(line(a, "two"));
  expect(await rig.logs.flush(forever)).toBe(0);
  expect(new Set(bus.tried.slice(0, 3).map(({ id }) => id)).size).toBe(1);
  expect(bus.messages("a")).toEqual(["one", "two"]);
  expect(rig.reports).toEqual([
    "The bus takes no log records; they are kept.",
    "The bus takes log records again.",
  ]);
});

test("one worker's flood does not hold up another's line", async () => {
  const bus = new ScriptedBus();
  const gate = Promise.withResolvers<void>();
  const loud = source("loud");
  bus.before = ({ subject }) => (subject === logSubject(loud.workerId) ? gate.promise : Promise.resolve());
  await using rig = emitter(bus);
  for (let at = 0; at < 20_000; at++) rig.logs.emit(line(loud, "flood"));
  await tried(bus, 1);
  rig.logs.emit(line(source("quiet"), "hello"));
  await tried(bus, 2);
  expect(bus.messages("quiet")).toEqual(["hello"]);
  expect(bus.messages("loud")).toEqual([]);
  gate.resolve();
});

test("many workers' batches are under way at a time, and no more than the connection bears", async () => {
  const bus = new ScriptedBus();
  const gate = Promise.withResolvers<void>();
  bus.before = () => gate.promise;
  await using rig = emitter(bus);
  for (let at = 0; at < 100; at++) rig.logs.emit(line(source(`w${at}`), "x"));
  await tried(bus, 16);
  gate.resolve();
  await rig.logs.flush(forever);
  expect(bus.mostUnderWay).toBe(16);
  expect(bus.declared).toBe(1);
  expect(bus.stored).toHaveLength(100);
});

test("while the bus is away the buffer stays within its bounds, and the log says in its place what was dropped", async () => {
  const bus = new ScriptedBus();
  let away = true;
  bus.before = async () => {
    if (away) throw unavailable();
  };
  const bufferBytes = 2 * 2 ** 20;
  await using rig = emitter(bus, { bufferBytes });
  const a = source("a");
  const text = (at: number) => `${at}`.padStart(300, ".");
  for (let at = 0; at < 20_000; at++) rig.logs.emit(line(a, text(at)));
  const { bufferedBytes, droppedLines } = rig.logs.stats();
  expect(bufferedBytes).toBeLessThanOrEqual(bufferBytes);
  expect(droppedLines).toBeGreaterThan(5_000);
  await tried(bus, 1);
  away = false;
  expect(await rig.logs.flush(forever)).toBe(0);
  const kept = 20_000 - droppedLines;
  expect(bus.messages("a")).toEqual([
    ...[...Array(kept).keys()].map(text),
    `… ${droppedLines.toLocaleString("en")} lines dropped`,
  ]);
  expect(rig.logs.stats().bufferedBytes).toBe(0);
});

test("a line that comes after dropped ones comes after the word of them", async () => {
  const bus = new ScriptedBus();
  let away = true;
  bus.before = async () => {
    if (away) throw unavailable();
  };
  await using rig = emitter(bus, { bufferBytes: 2 ** 20 });
  const a = source("a");
  for (let at = 0; at < 10_000; at++) rig.logs.emit(line(a, "before".repeat(50)));
  const { droppedLines } = rig.logs.stats();
  await tried(bus, 1);
  away = false;
  while (rig.logs.stats().bufferedBytes > 2 ** 19) await Bun.sleep(1);
  rig.logs.emit(line(a, "after"));
  await rig.logs.flush(forever);
  const messages = bus.messages("a");
  expect(messages.slice(-2)).toEqual([`… ${droppedLines.toLocaleString("en")} lines dropped`, "after"]);
});

test("a worker that fills the buffer leaves room for another, and its own invocations are kept when lines are not", async () => {
  const bus = new ScriptedBus();
  let away = true;
  bus.before = async () => {
    if (away) throw unavailable();
  };
  await using rig = emitter(bus, { bufferBytes: 2 ** 20 });
  const [loud, quiet] = [source("loud"), source("quiet")];
  for (let at = 0; at < 50_000; at++) rig.logs.emit(line(loud, "flood"));
  for (let at = 0; at < 100; at++) rig.logs.emit(invocation(loud, `/${at}`));
  for (let at = 0; at < 100; at++) rig.logs.emit(line(quiet, `${at}`));
  away = false;
  await rig.logs.flush(forever);
  expect(bus.messages("quiet")).toEqual([...Array(100).keys()].map(String));
  expect(bus.records("loud").filter(({ kind }) => kind === "invocation")).toHaveLength(100);
  expect(rig.logs.stats().droppedInvocations).toBe(0);
});

test("a record larger than a message is cut, and takes none of its neighbours with it", async () => {
  const bus = new ScriptedBus();
  await using rig = emitter(bus);
  const a = source("a");
  rig.logs.emit(line(a, "before"));
  // Six bytes of JSON a character.
  rig.logs.emit(line(a, "\u0001".repeat(300_000)));
  rig.logs.emit(line(a, `${"x".repeat(16_383)}😀${"x".repeat(2 ** 20)}`));
  rig.logs.emit(line(a, "after"));
  await rig.logs.flush(forever);
  const messages = bus.messages("a");
  expect(messages).toHaveLength(4);
  expect([messages[0], messages[3]]).toEqual(["before", "after"]);
  expect(messages[1]).toBe(`${"\u0001".repeat(16_384)} … (cut)`);
  expect(messages[2]).toBe(`${"x".repeat(16_383)}\ufffd … (cut)`);
  expect(Math.max(...bus.stored.map(({ bytes }) => bytes))).toBeLessThanOrEqual(2 ** 20);
});

test("a batch that the bus refuses for good is dropped with a word, and the stream is declared anew first", async () => {
  const bus = new ScriptedBus();
  bus.before = async ({ batch }) => {
    if (batch.records.some((record) => record.kind === "line" && record.message === "poison"))
      throw new OpenWorkersError("INVALID_INPUT", "No stream takes it.");
  };
  await using rig = emitter(bus);
  const a = source("a");
  rig.logs.emit(line(a, "poison"));
  await tried(bus, 1);
  rig.logs.emit(line(a, "fine"));
  await rig.logs.flush(forever);
  expect(bus.messages("a")).toEqual(["fine", "… 1 line dropped"]);
  expect(bus.declared).toBe(3);
  expect(rig.reports).toContain("The bus refused log records; they are dropped.");
});

test("who stops says how many records the bus never took", async () => {
  const bus = new ScriptedBus();
  bus.before = async () => {
    throw unavailable();
  };
  const rig = emitter(bus);
  for (let at = 0; at < 7; at++) rig.logs.emit(line(source("a"), `${at}`));
  expect(await rig.logs.flush(AbortSignal.timeout(50))).toBe(7);
  await rig[Symbol.asyncDispose]();
  expect(rig.reports.at(-1)).toBe("Log records were lost: the bus did not take them in time.");
});

test("a stream that nobody may make yet is waited for", async () => {
  const bus = new ScriptedBus();
  bus.mayDeclare = false;
  await using rig = emitter(bus);
  rig.logs.emit(line(source("a"), "early"));
  while (bus.declared < 2) await Bun.sleep(1);
  expect(rig.logs.stats()).toMatchObject({ away: true, published: 0 });
  bus.mayDeclare = true;
  expect(await rig.logs.flush(forever)).toBe(0);
  expect(bus.messages("a")).toEqual(["early"]);
});
