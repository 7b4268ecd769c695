import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bus } from "../bus.ts";
import { code, Seen, testConsumer, testStream } from "../testing/contract-rig.ts";
import { bytes } from "../testing/text.ts";
import { openLocalBus } from "./local-bus.ts";

setDefaultTimeout(60_000);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

function newPath(): string {
  const directory = mkdtempSync(join(tmpdir(), "ow-test-bus-"));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, "bus.sqlite");
}

function open(path: string): Bus {
  const bus = openLocalBus({ path, report: () => {} });
  cleanups.push(() => bus[Symbol.asyncDispose]());
  return bus;
}

/** Another process with a bus at `path`, and what it says. */
function startOwner(path: string, from: number) {
  const script = join(import.meta.dir, "testing", "owner.ts");
  const child = Bun.spawn([process.execPath, script, path, `${from}`], { stdout: "pipe", stderr: "pipe" });
  cleanups.push(() => child.kill("SIGKILL"));
  const lines = new Seen<string>();
  const read = (async () => {
    let rest = "";
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + part).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) lines.add(line);
    }
  })();
  return { child, lines, read };
}

test("what was published and acknowledged is known after the process was killed, again and again", async () => {
  const path = newPath();
  const published = new Map<string, string>();
  const handled = new Set<string>();
  const delivered = new Map<string, number[]>();
  for (let round = 0; round < 3; round++) {
    const { child, lines, read } = startOwner(path, round * 1_000_000);
    await lines.atLeast(400 + 50 * round);
    child.kill("SIGKILL");
    await child.exited;
    await read;
    for (const line of lines.all) {
      const [what, ...rest] = line.split(" ");
      const [first = "", second = ""] = rest;
      if (what === "published") published.set(second, first);
      if (what === "handled") {
        expect(handled).not.toContain(first);
        handled.add(first);
      }
      if (what === "delivered") delivered.set(first, [...(delivered.get(first) ?? []), Number(second)]);
    }
  }
  // What a dead process held is delivered at once to the next, which learns that it is not the first.
  const [firstStuck = ""] = delivered.keys();
  expect(delivered.get(firstStuck)).toEqual([1, 2, 3]);
  const bus = open(path);
  const kept = [...published].filter(([, subject]) => subject === "work.kept").map(([id]) => id);
  const found = new Set<string>();
  const { lastSeq } = await bus.streamState("WORK");
  let position = 0;
  const signal = AbortSignal.timeout(30_000);
  await bus.publish("work.kept", bytes(""), { id: "last" });
  for await (const message of bus.follow({ stream: "WORK", subject: "work.kept", after: 0, signal })) {
    expect(message.seq).toBeGreaterThan(position);
    position = message.seq;
    expect(found).not.toContain(message.id);
    found.add(message.id);
    if (message.seq > lastSeq) break;
  }
  expect(kept.filter((id) => !found.has(id))).toEqual([]);
  // Ids are remembered, and sums agree with what is there.
  for (const id of kept.slice(0, 20)) {
    expect(await bus.publish("work.kept", bytes(""), { id })).toMatchObject({ duplicate: true });
  }
  const before = await bus.streamState("WORK");
  const purged = await bus.purge("WORK", "work.>");
  expect(purged).toBe(before.messages);
  expect(await bus.streamState("WORK")).toMatchObject({ messages: 0, bytes: 0 });
});

test("a second process is refused, and told who has it", async () => {
  const path = newPath();
  const { child, lines } = startOwner(path, 0);
  await lines.atLeast(1);
  expect(() => open(path)).toThrow(
    expect.objectContaining({
      code: "DATA_DIR_IN_USE",
      details: expect.objectContaining({ pid: child.pid }),
    }),
  );
  child.kill("SIGKILL");
  await child.exited;
  expect((await open(path).streamState("WORK")).lastSeq).toBeGreaterThanOrEqual(0);
});

test("a file of a newer release, and one that is no bus, are refused and left alone", async () => {
  const newer = newPath();
  await open(newer)[Symbol.asyncDispose]();
  const { Database } = await import("bun:sqlite");
  const database = new Database(newer);
  database.run("pragma user_version = 99");
  database.close();
  expect(() => open(newer)).toThrow(expect.objectContaining({ code: "DATA_DIR_NEWER" }));
  const other = newPath();
  await Bun.write(other, "this is a letter, and a long one at that ".repeat(100));
  expect(() => open(other)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  expect(await Bun.file(other).text()).toStartWith("this is a letter");
});

test("a closed bus keeps what was delayed delayed, and the place of each consumer", async () => {
  const path = newPath();
  const stream = testStream({ retention: "work" });
  const seen = new Seen<string>();
  {
    await using bus = openLocalBus({ path, report: () => {} });
    await bus.declare(stream);
    await bus.consume(testConsumer(stream), async (message) => {
      seen.add(message.id);
      if (message.id !== "0") message.retry(message.id === "1" ? 400 : 3_600_000);
    });
    for (let at = 0; at < 3; at++)
      await bus.publish(stream.subject.replace(">", "a"), bytes(""), { id: `${at}` });
    await seen.atLeast(3);
  }
  const bus = open(path);
  expect(await bus.consumerState(stream.name, "consumer")).toMatchObject({ unacknowledged: 2, floor: 1 });
  const again = new Seen<{ id: string; deliveries: number }>();
  await bus.consume(testConsumer(stream), async ({ id, deliveries }) => again.add({ id, deliveries }));
  expect(await again.atLeast(1)).toEqual([{ id: "1", deliveries: 2 }]);
});

test("closing waits for what is being handled and what is being published; afterwards everything is refused", async () => {
  const path = newPath();
  const stream = testStream({ retention: "work" });
  const bus = open(path);
  await bus.declare(stream);
  const seen = new Seen<string>();
  const { promise, resolve } = Promise.withResolvers<void>();
  await bus.consume(testConsumer(stream), async (message) => {
    seen.add(message.id);
    await promise;
  });
  await bus.publish(stream.subject.replace(">", "a"), bytes(""), { id: "held" });
  await seen.atLeast(1);
  const publishing = bus.publish(stream.subject.replace(">", "a"), bytes(""), { id: "late" });
  const closing = bus[Symbol.asyncDispose]();
  expect((await publishing).seq).toBe(2);
  resolve();
  await closing;
  expect(await code(bus.publish(stream.subject.replace(">", "a"), bytes(""), { id: "x" }))).toBe(
    "BUS_UNAVAILABLE",
  );
  expect((await open(path).streamState(stream.name)).messages).toBe(1);
});

test("a file that is damaged ends nobody's process: what can be neither read nor written is said", async () => {
  const path = newPath();
  const first = openLocalBus({ path, report: () => {} });
  const stream = testStream();
  const subject = stream.subject.replace(">", "a");
  await first.declare(stream);
  await Promise.all(
    Array.from({ length: 1_000 }, (_, index) =>
      first.publish(subject, new Uint8Array(1_000).fill(65), { id: `message-${index}` }),
    ),
  );
  await first[Symbol.asyncDispose]();
  const file = openSync(path, "r+");
  const middle = Math.floor(statSync(path).size / 2 / 4_096) * 4_096;
  for (let page = -50; page < 50; page++) {
    writeSync(file, new Uint8Array(4_096).fill(0xaa), 0, 4_096, middle + page * 4_096);
  }
  closeSync(file);
  const reports = new Seen<string>();
  const bus = openLocalBus({ path, report: (message) => reports.add(message) });
  cleanups.push(() => bus[Symbol.asyncDispose]());
  await using _taken = await bus.consume(testConsumer(stream, { subject }), async () => {});
  while (!reports.all.includes("The bus could not read what is to be delivered.")) await Bun.sleep(5);
});

test("a file that is none of ours is not opened, and the error says what to do", () => {
  const path = newPath();
  writeFileSync(path, "x".repeat(10_000));
  expect(() => openLocalBus({ path, report: () => {} })).toThrow(
    expect.objectContaining({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("file is not a database"),
      hint: expect.stringContaining("move it away"),
    }),
  );
});

test("on a disk that is nearly full what is stored is handed over and acknowledged, and nothing is added", async () => {
  const path = newPath();
  const stream = testStream({ retention: "work", whenFull: "refuse" });
  const subject = stream.subject.replace(">", "a");
  const first = openLocalBus({ path, report: () => {} });
  await first.declare(stream);
  for (let index = 0; index < 20; index++)
    await first.publish(subject, bytes("x"), { id: `message-${index}` });
  await first[Symbol.asyncDispose]();
  const bus = openLocalBus({ path, reserveBytes: Number.MAX_SAFE_INTEGER, report: () => {} });
  cleanups.push(() => bus[Symbol.asyncDispose]());
  expect(await code(bus.publish(subject, bytes("y"), { id: "more" }))).toBe("BUS_FULL");
  await using _taken = await bus.consume(testConsumer(stream, { subject }), async () => {});
  while ((await bus.stored(stream.name, subject)) > 0) await Bun.sleep(2);
  expect(await code(bus.publish(subject, bytes("y"), { id: "more" }))).toBe("BUS_FULL");
});
