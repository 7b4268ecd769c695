import { expect, test } from "bun:test";
import { join } from "node:path";
import type { Bus } from "@openworkers/bus";
import { startTestNats } from "@openworkers/bus/testing";
import { decodeLogBatch, type LogRecord, streams } from "@openworkers/core";
import { LogEmitter } from "./log-emitter.ts";
import { line, source } from "./testing/records.ts";

const forever = new AbortController().signal;

/** What the stream holds, each batch once, as who stores it would have it. */
async function stored(bus: Bus): Promise<LogRecord[]> {
  const { lastSeq } = await bus.streamState(streams.logs.name);
  const seen = new Set<string>();
  const records: LogRecord[] = [];
  const stop = new AbortController();
  const { name: stream, subject } = streams.logs;
  for await (const { seq, id, payload } of bus.follow({ stream, subject, after: 0, signal: stop.signal })) {
    const batch = decodeLogBatch(payload);
    expect(id).toBe(batch.batchId);
    if (!seen.has(id)) records.push(...batch.records);
    seen.add(id);
    if (seq >= lastSeq) break;
  }
  stop.abort();
  return records;
}

function messagesOf(records: readonly LogRecord[], worker: string): string[] {
  return records.flatMap((record) =>
    record.kind === "line" && record.worker === worker ? [record.message] : [],
  );
}

const upTo = (count: number) => [...Array(count).keys()].map(String);

test("of a runner that is killed everything is there that it had sent, and nothing is missing in between", async () => {
  await using nats = await startTestNats();
  const script = join(import.meta.dir, "testing/fixtures/emitter-to-kill.ts");
  const child = Bun.spawn([process.execPath, script, nats.servers[0] ?? ""], {
    stdout: "pipe",
    stderr: "inherit",
  });
  let text = "";
  let emitted = 0;
  let published = 0;
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    text += decoder.decode(chunk, { stream: true });
    const whole = text.split("\n").slice(0, -1);
    text = text.slice(text.lastIndexOf("\n") + 1);
    [emitted = 0, published = 0] = (whole.at(-1) ?? "").split(" ").map(Number);
    if (published > 5_000) break;
  }
  child.kill("SIGKILL");
  await child.exited;
  const records = await stored(await nats.connect());
  expect(records.length).toBeGreaterThanOrEqual(published);
  expect(emitted).toBeGreaterThanOrEqual(published);
  for (const worker of ["a", "b", "c"]) {
    const messages = messagesOf(records, worker);
    expect(messages).toEqual(upTo(messages.length));
  }
});

test("while the bus is killed and comes back, every record arrives once and in its order", async () => {
  await using nats = await startTestNats();
  const bus = await nats.connect();
  await using logs = new LogEmitter({ bus, report() {} });
  const sources = ["a", "b", "c"].map(source);
  let emitted = 0;
  const timer = setInterval(() => {
    for (const from of sources) logs.emit(line(from, String(emitted)));
    emitted += 1;
  }, 1);
  for (let round = 1; round <= 3; round++) {
    const before = logs.stats().published;
    while (logs.stats().published < before + 500) await Bun.sleep(1);
    await nats.nodes[0]?.kill();
    // Something must be under way when it is gone.
    const gone = emitted;
    while (emitted < gone + 200) await Bun.sleep(1);
    await nats.nodes[0]?.start();
  }
  clearInterval(timer);
  expect(await logs.flush(forever)).toBe(0);
  expect(logs.stats()).toMatchObject({ droppedLines: 0, droppedInvocations: 0, bufferedBytes: 0 });
  const records = await stored(bus);
  for (const worker of ["a", "b", "c"]) expect(messagesOf(records, worker)).toEqual(upTo(emitted));
});
