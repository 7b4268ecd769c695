import { describe, expect, test } from "bun:test";
import { setImmediate } from "node:timers/promises";
import type { CellLine } from "../cell.ts";
import { LineBudget } from "./line-budget.ts";
import { parseLine, type WorkerExports } from "./parse-line.ts";
import { maxLineBytes, readLog } from "./read-log.ts";
import { stackMapper } from "./source-map.ts";

async function read(
  chunks: readonly string[],
  budget?: LineBudget,
  onExports?: (exports: WorkerExports) => void,
): Promise<CellLine[]> {
  const lines: CellLine[] = [];
  const stdout = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
      controller.close();
    },
  });
  await readLog(stdout, {
    onLine: (line) => lines.push(line),
    mapStack: (stack) => stack,
    ...(budget === undefined ? {} : { budget }),
    ...(onExports === undefined ? {} : { onExports }),
  });
  return lines;
}

const then = Date.now() - 1_000;
const line = (message: string, level = "log", timestamp: unknown = `${then}`) =>
  `${JSON.stringify({ timestamp, level, message })}\n`;
const id = "01890a5d-ac96-774b-bcce-b302099a8057";

describe("reading a log", () => {
  test("puts lines together from any chunks, without losing the last", async () => {
    const text = line("één") + line("zwei\nlines", "warn") + line("last").trimEnd();
    const bytes = [...text];
    expect(await read(bytes)).toEqual([
      { time: then, level: "log", message: "één" },
      { time: then, level: "warn", message: "zwei\nlines" },
      { time: then, level: "log", message: "last" },
    ]);
  });

  test("cuts a long line and keeps its level, its request and the lines after it", async () => {
    const long = line(`\x1e${id}\x1e${"\u{1f600}\n\u0007".repeat(maxLineBytes)}`, "error");
    const [cut, after, ...rest] = await read([long, line("after")]);
    expect(cut).toMatchObject({ level: "error", requestId: id });
    expect(cut?.message).toEndWith(" … (cut)");
    expect(cut?.message.length).toBeLessThan(maxLineBytes);
    expect(after?.message).toBe("after");
    expect(rest).toEqual([]);
  });

  test("cuts as fast a line of replacement characters, whose end is another", async () => {
    // A fifth of a second for each, if every run of them is looked at from each of its characters.
    const long = `${"\ufffd".repeat(5_400)}x${"y".repeat(maxLineBytes)}\n`;
    expect(await read([long.repeat(2_000)])).toHaveLength(2_000);
  });

  test("drops the lines of a flood and says how many, once", async () => {
    const budget = new LineBudget(() => 0);
    const lines = await read([line("x").repeat(6_234)], budget);
    expect(lines).toHaveLength(2_001);
    expect(lines.at(-1)).toMatchObject({ level: "warn", message: "… 4,234 lines dropped" });
  });

  test("says of one flood once what was dropped of it, while the cell goes on writing", async () => {
    // A line passes now and then: the budget fills as it is emptied.
    let now = 0;
    const budget = new LineBudget(() => (now += 0.25));
    const lines = await read([line("x").repeat(20_000)], budget);
    expect(lines.filter(({ level }) => level === "warn")).toHaveLength(1);
    expect(lines.at(-1)?.level).toBe("warn");
  });

  test("says what was dropped though no further line comes", async () => {
    const lines: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const reading = readLog(readable, {
      budget: new LineBudget(() => 0),
      mapStack: (stack) => stack,
      onLine: ({ message }) => {
        lines.push(message);
        if (message.includes("dropped")) resolve();
      },
    });
    await writer.write(new TextEncoder().encode(line("x").repeat(2_010)));
    await promise;
    expect(lines.at(-1)).toBe("… 10 lines dropped");
    await writer.close();
    await reading;
  });

  test("takes no more from a cell for a while when lines of it were dropped, and only then", async () => {
    const chunks = [line("x").repeat(2_000), line("y").repeat(2), line("z")];
    let taken = 0;
    const stdout = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          const chunk = chunks[taken++];
          if (chunk === undefined) controller.close();
          else controller.enqueue(new TextEncoder().encode(chunk));
        },
      },
      { highWaterMark: 0 },
    );
    const pauses: number[] = [];
    await readLog(stdout, {
      budget: new LineBudget(() => 0),
      mapStack: (stack) => stack,
      onLine() {},
      async pause() {
        // Whatever would go on without waiting goes on.
        await setImmediate();
        pauses.push(taken);
      },
    });
    expect(pauses).toEqual([2, 3]);
  });

  test("is not fooled by lines that are marked as the platform's own", async () => {
    const flood =
      line("\x1d\x1dx").repeat(3_000) +
      line('\x1d\x1d{"handlers":["fetch"],"entrypoints":["Named"]}').repeat(3_000);
    const serving = await read([flood], new LineBudget(() => 0));
    expect(serving).toHaveLength(2_001);
    const exports: WorkerExports[] = [];
    const checked = await read([flood], new LineBudget(() => 0), (names) => exports.push(names));
    expect(checked.length + exports.length).toBeLessThan(2_020);
  });

  test("hears the platform's own line above a flood", async () => {
    const exports: WorkerExports[] = [];
    const chunks = [line("x").repeat(5_000), line('\x1d\x1d{"handlers":["fetch"],"entrypoints":["Named"]}')];
    await read(chunks, new LineBudget(() => 0), (names) => exports.push(names));
    expect(exports).toEqual([{ handlers: ["fetch"], entrypoints: ["Named"] }]);
  });

  test("lets a cell write again when time has passed", () => {
    let now = 0;
    const budget = new LineBudget(() => now);
    while (budget.take());
    expect(budget.takeDropped()).toBe(1);
    expect(budget.take()).toBe(false);
    now += 10;
    expect(Array.from({ length: 11 }, () => budget.take()).filter(Boolean)).toHaveLength(10);
  });
});

describe("parsing a line", () => {
  test("takes text that is not workerd's as the worker's", () => {
    expect(parseLine("stdout: hello")).toMatchObject({
      kind: "line",
      line: { level: "log", message: "stdout: hello" },
    });
  });

  test("tells workerd's own lines apart, which a worker cannot write", () => {
    const own = {
      timestamp: "1",
      level: "fatal",
      source: "workerd/jsg/setup.c++:44",
      message: "out of memory",
    };
    expect(parseLine(JSON.stringify(own))).toEqual({
      kind: "runtime",
      level: "fatal",
      message: "out of memory",
    });
    expect(parseLine(line(JSON.stringify(own)).trim())).toMatchObject({ kind: "line" });
  });

  test("does not believe a time that cannot be: such a line would be filed under any day, or break its reader", () => {
    const before = Date.now();
    for (const time of [0, 1, -9e15, 9e15, 1e300, before + 60_000]) {
      const parsed = parseLine(line("hi", "log", time).trim());
      if (parsed.kind !== "line") throw new Error("no line");
      expect(parsed.line.time).toBeGreaterThanOrEqual(before);
      expect(parsed.line.time).toBeLessThanOrEqual(Date.now());
    }
  });

  test("does not take what is no request id for one", () => {
    expect(parseLine(line("\x1enot-an-id\x1ehi").trim())).toEqual({
      kind: "line",
      line: { time: then, level: "log", message: "hi" },
    });
  });

  test("shows a broken exception mark as the text that it is", () => {
    expect(parseLine(line("\x1d{nonsense").trim())).toMatchObject({ line: { message: "\x1d{nonsense" } });
  });
});

describe("mapping a stack", () => {
  const map = { version: 3, sources: ["src/a.ts"], names: [], mappings: ";AASE" };
  const mapStack = stackMapper(
    new Map([
      ["index.js", new TextEncoder().encode(JSON.stringify(map))],
      ["broken.js", new TextEncoder().encode("{")],
      ["empty.js", new TextEncoder().encode('{"version":3,"mappings":{}}')],
    ]),
  );

  test("rewrites positions that have a map, and drops the prelude's frames", () => {
    const stack = [
      "Error: x",
      "    at f (index.js:2:1)",
      "    at other.js:1:1",
      "    at g (broken.js:1:1)",
      "    at call (openworkers-prelude.js:10:1)",
    ].join("\n");
    expect(mapStack(stack)).toBe(
      ["Error: x", "    at f (src/a.ts:10:3)", "    at other.js:1:1", "    at g (broken.js:1:1)"].join("\n"),
    );
  });

  test("leaves positions as they are that no source has", () => {
    const stack = [
      "Error: x",
      "    at index.js:0:1",
      "    at index.js:1:0",
      "    at index.js:99999999999999999999:1",
    ].join("\n");
    expect(mapStack(stack)).toBe(stack);
  });

  test("takes no longer for a line that a worker made long", () => {
    // A pattern that begins anew at each character takes a second for each of these.
    const stack = `Error: x\n    at ${"a".repeat(32_000)}`;
    for (let count = 0; count < 100; count++) expect(mapStack(stack)).toBe(stack);
  });
});
