import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { startTestNats, type TestNats } from "@openworkers/bus/testing";
import { type QueueId, queueConsumerName, queueConsumerSettings, streams } from "@openworkers/core";
import {
  connect,
  countDelayed,
  createResource,
  type Database,
  deployVersion,
  type EmbeddedPostgres,
  ensureOperator,
  migrate,
  startEmbeddedPostgres,
} from "@openworkers/db";
import { temporaryCluster, temporaryDirectory } from "@openworkers/db/testing";

let nats: TestNats;
let postgres: EmbeddedPostgres;
let database: Database;
let queueId: QueueId;
const directory = temporaryDirectory();
const parts = new AsyncDisposableStack();

/** Tells each message that it is done with; some only when they come again. */
const source = `
  export default {
    async fetch(request, env) {
      await env.QUEUE.send(Number(new URL(request.url).searchParams.get("n")));
      return new Response("sent");
    },
    async queue(batch) {
      await scheduler.wait(20);
      for (const message of batch.messages) {
        if (message.attempts === 1 && message.body % 7 === 0) message.retry({ delaySeconds: 1 });
        else if (message.attempts === 1 && message.body % 5 === 0) message.retry();
        else console.log("done with " + message.body);
      }
    },
  };`;

const hookMs = 60_000;
beforeAll(async () => {
  nats = parts.use(await startTestNats());
  postgres = parts.use(await startEmbeddedPostgres({ dataDir: temporaryCluster(), durable: false }));
  database = parts.use(connect(postgres.url, { connectTimeoutMs: 2_000 }));
  await migrate(database);
  const { id: by } = await ensureOperator(database);
  queueId = await createResource(database, "queue", { name: "work", by });
  await deployVersion(database, {
    ...{ worker: "faulty", by },
    code: {
      modules: [{ name: "index.js", type: "esModule", content: Buffer.from(source) }],
      ...{ compatibilityDate: "2026-11-01", compatibilityFlags: [], sourceMaps: new Map() },
    },
    bindings: new Map([["QUEUE", { kind: "queue", queueId }]]),
    consumers: [{ queue: "work", settings: queueConsumerSettings({ maxBatchTimeout: 1, maxRetries: 100 }) }],
  });
}, hookMs);
afterAll(async () => {
  await parts.disposeAsync();
}, hookMs);

/** How often each message was done with, as the workers told. */
const done = new Map<number, number>();

interface RunnerProcess extends AsyncDisposable {
  /** Where it serves. Rejects when it ends before it does. */
  readonly port: Promise<number>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

function startRunner(): RunnerProcess {
  const [node] = nats.nodes;
  const child = Bun.spawn(
    [
      ...[process.execPath, join(import.meta.dir, "runner-process.ts")],
      ...[postgres.url, node?.server ?? "", directory, mkdtempSync("/tmp/ow-q-")],
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "ignore" },
  );
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  createInterface({ input: Readable.fromWeb(child.stdout as never) }).on("line", (line) => {
    const [, port] = /^ready (\d+)$/.exec(line) ?? [];
    if (port !== undefined) resolve(Number(port));
    const [, body] = /^done with (\d+)$/.exec(line) ?? [];
    if (body !== undefined) done.set(Number(body), (done.get(Number(body)) ?? 0) + 1);
  });
  void child.exited.then((code) => reject(new Error(`the runner ended with ${code}`)));
  // One that is killed before it was ready is asked for its port by nobody, or by a sender, which tries another.
  promise.catch(() => {});
  const kill = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await child.exited;
  };
  return { port: promise, kill, [Symbol.asyncDispose]: () => kill("SIGKILL") };
}

async function killPostgres(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  using _exit = postgres.onExit(() => resolve());
  if (postgres.pid === undefined) throw new Error("PostgreSQL does not run");
  process.kill(postgres.pid, "SIGKILL");
  await promise;
}

/** Sends as a worker does that tries again until it is told that the message is stored. */
async function send(n: number, runners: () => readonly RunnerProcess[]): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const all = runners();
    const runner = all[(n + attempt) % all.length];
    const port = await runner?.port.catch(() => undefined);
    if (port !== undefined && (await isSent(port, n))) return;
    await Bun.sleep(50);
  }
}

async function isSent(port: number, n: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/?n=${n}`, {
      headers: { host: "faulty.localhost" },
    });
    return (await response.text()) === "sent";
  } catch {
    return false; // It was killed meanwhile.
  }
}

test("every message that was stored is done with, however runners, NATS and PostgreSQL are killed meanwhile", async () => {
  const [node] = nats.nodes;
  if (node === undefined) throw new Error("no node");
  let first = startRunner();
  const second = startRunner();
  parts.use(second);
  parts.defer(() => first.kill("SIGKILL"));
  await Promise.all([first.port, second.port]);
  const runners = () => [first, second];
  const count = 600;
  const until = async (some: number) => {
    while (done.size < some) await Bun.sleep(10);
  };
  const sending = (async () => {
    for (let from = 0; from < count; from += 10) {
      await Promise.all(Array.from({ length: 10 }, (_, index) => send(from + index, runners)));
    }
  })();
  await until(50);
  await first.kill("SIGKILL");
  await until(100);
  first = startRunner();
  await first.port;
  await until(200);
  await node.restart("SIGKILL");
  await until(300);
  await killPostgres();
  await postgres.start();
  await until(400);
  await first.kill("SIGTERM");
  first = startRunner();
  await sending;
  await until(count);
  expect([...done.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, n) => n));
  const bus = await nats.connect();
  // What is only stored still, after a kill of NATS, is nobody's (see `countWaiting` of the queue binding).
  const left = async () => {
    const consumer = await bus.consumerState(streams.queues.name, queueConsumerName(queueId));
    if (consumer === undefined) throw new Error("the queue has no consumer on the bus");
    return consumer.pending + consumer.unacknowledged + (await countDelayed(database, queueId));
  };
  while ((await left()) > 0) await Bun.sleep(50);
}, 180_000);
