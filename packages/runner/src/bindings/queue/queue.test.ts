import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Queue } from "@cloudflare/workers-types";
import { type Bus, maxBacklogMessages } from "@openworkers/bus";
import { startTestNats, type TestNats } from "@openworkers/bus/testing";
import {
  type Binding,
  decodePayload,
  newId,
  OpenWorkersError,
  type QueueId,
  queueMessageSchema,
  queueSubject,
  streams,
} from "@openworkers/core";
import { createResource, type Database, ensureOperator } from "@openworkers/db";
import { type TestDatabase, withTestDatabase } from "@openworkers/db/testing";
import { noMeter } from "../../cells/byte-meter.ts";
import { DatabaseShares } from "../shares/database-shares.ts";
import { type BindingCells, bindingCells } from "../testing/binding-cells.ts";
import { queuePlugin } from "./queue.ts";

let nats: TestNats;
let bus: Bus;
let test_: TestDatabase;
let database: Database;
let cells: BindingCells;
let queueId: QueueId;
let bindings: Readonly<Record<string, Binding>>;
let count = 0;

beforeAll(async () => {
  nats = await startTestNats();
  bus = await nats.connect();
  await bus.declare(streams.queues);
  test_ = await withTestDatabase();
  database = test_.database;
  cells = await bindingCells(database, { bus });
});
afterAll(async () => {
  await cells?.[Symbol.asyncDispose]();
  await test_?.[Symbol.asyncDispose]();
  await nats?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  const { id: by } = await ensureOperator(database);
  queueId = await createResource(database, "queue", { name: `test-${++count}`, by });
  bindings = { QUEUE: { kind: "queue", queueId } };
});

interface Env {
  readonly QUEUE: Queue;
}

const run = (inside: (env: Env) => unknown) => cells.run(bindings, inside as never);

/** Takes what lies on the bus for the queue, in order. */
async function stored(): Promise<{ contentType: string; body: string; attempts: number }[]> {
  const subject = queueSubject(queueId);
  const wanted = await bus.stored(streams.queues.name, subject);
  const all: { contentType: string; body: string; attempts: number }[] = [];
  await using _taken = await bus.consume(
    {
      ...{ stream: streams.queues.name, name: `test-${queueId}`, subject },
      ...{ inFlight: 1, maxUnacknowledged: 1, ackWaitMs: 30_000, backoffMs: [0] },
    },
    async ({ payload }) => {
      const { contentType, body, attempts } = decodePayload(queueMessageSchema, payload);
      all.push({ contentType, body: Buffer.from(body, "base64").toString("latin1"), attempts });
    },
  );
  while (all.length < wanted) await Bun.sleep(2);
  return all;
}

describe("send and sendBatch", () => {
  test("resolve when what was sent is stored, with how much there is", async () => {
    const results = await run(async ({ QUEUE }) => {
      const text = await QUEUE.send("hello", { contentType: "text" });
      const batch = await QUEUE.sendBatch([
        { body: { a: 1 } },
        { body: new Uint8Array([0, 255, 10]), contentType: "bytes" },
      ]);
      return [text, batch, await QUEUE.metrics()].map((each) =>
        "metadata" in each ? each.metadata.metrics.backlogCount : each.backlogCount,
      );
    });
    expect(results).toEqual([1, 3, 3]);
    expect(await stored()).toEqual([
      { contentType: "text", body: "hello", attempts: 0 },
      { contentType: "json", body: '{"a":1}', attempts: 0 },
      { contentType: "bytes", body: "\0\u00ff\n", attempts: 0 },
    ]);
  });

  test("refuse what is too large, and say so; nothing of it is stored", async () => {
    const said = await run(async ({ QUEUE }) => {
      const told = async (send: () => Promise<unknown>) => {
        try {
          await send();
          return "stored";
        } catch (error) {
          return (error as Error).message;
        }
      };
      const text = (bytes: number) => ({ body: "x".repeat(bytes), contentType: "text" as const });
      return [
        await told(() => QUEUE.send("x".repeat(128_001), { contentType: "text" })),
        await told(() => QUEUE.send("x".repeat(2_000_000), { contentType: "text" })),
        await told(() => QUEUE.sendBatch([text(1), text(128_001)])),
        await told(() => QUEUE.sendBatch([text(128_000), text(128_000), text(1)])),
        await told(() => QUEUE.sendBatch(Array.from({ length: 101 }, () => text(1)))),
        await told(() => QUEUE.send("x", { contentType: "v8" })),
      ];
    });
    expect(said).toEqual([
      "message length of 128001 bytes exceeds limit of 128000 (BODY_TOO_LARGE)",
      expect.stringContaining("exceeds limit (BODY_TOO_LARGE)"),
      "message in batch of 128001 bytes exceeds limit of 128000 (BODY_TOO_LARGE)",
      "batch size of 256001 bytes exceeds limit of 256000 (BODY_TOO_LARGE)",
      "batch message count of 101 exceeds limit of 100 (BODY_TOO_LARGE)",
      expect.stringContaining('The content type "v8" is not supported'),
    ]);
    expect(await bus.stored(streams.queues.name, queueSubject(queueId))).toBe(0);
  });

  test("store the largest that they take", async () => {
    await run(async ({ QUEUE }) => {
      await QUEUE.send("x".repeat(128_000), { contentType: "text" });
      const body = "y".repeat(128_000);
      await QUEUE.sendBatch([
        { body, contentType: "text" },
        { body, contentType: "text" },
      ]);
    });
    expect((await stored()).map(({ body }) => body.length)).toEqual([128_000, 128_000, 128_000]);
  });

  test("fail while the bus is away, without a word of where it is, and work again afterwards", async () => {
    const [node] = nats.nodes;
    if (node === undefined) throw new Error("no node");
    await using cell = await cells.start(bindings, (async ({ QUEUE }: Env) => {
      try {
        await QUEUE.send(1);
        return "stored";
      } catch (error) {
        return (error as Error).message;
      }
    }) as never);
    const said = async () => ((await (await cell.fetch()).json()) as { result: string }).result;
    expect(await said()).toBe("stored");
    await node.kill();
    expect(await said()).toBe("The platform cannot store messages at the moment (BUS_UNAVAILABLE)");
    await node.start();
    while ((await said()) !== "stored");
    expect((await stored()).length).toBeGreaterThanOrEqual(2);
  });
});

describe("the broker", () => {
  /** What a cell gets that speaks for itself, past workerd's client. */
  async function answer(request: Request, bus_: Bus = bus): Promise<Response> {
    await using shares = new DatabaseShares(database);
    const handler = queuePlugin.handler?.({ database, shares, bus: bus_, report() {} } as never);
    const caller = { target: { workerId: newId() }, bindings: new Map(), meter: noMeter } as never;
    if (handler === undefined) throw new Error("no handler");
    return await handler.serve(request, { kind: "queue", queueId }, caller);
  }
  const post = (
    path: string,
    body: string | Uint8Array<ArrayBuffer> | ReadableStream,
    headers: Record<string, string> = {},
  ) => new Request(`http://broker${path}`, { method: "POST", body, headers });

  test("refuses what is no message, and stores nothing of it", async () => {
    const before = await bus.streamState(streams.queues.name);
    const batch = (messages: unknown) => post("/batch", JSON.stringify({ messages }));
    const other = newId<"queue">();
    const garbage: readonly Request[] = [
      post("/message", "x", { "x-msg-fmt": "__proto__" }),
      post("/message", "x", { "x-msg-fmt": "JSON " }),
      post("/message", "x", { "x-msg-fmt": "text", "x-msg-delay-secs": "1e3x" }),
      post("/message", "x", { "x-msg-fmt": "text", "x-msg-delay-secs": "" }),
      post("/message", "x", { "x-msg-fmt": "text", "x-msg-delay-secs": "Infinity" }),
      post("/batch", "{"),
      post("/batch", new Uint8Array([0xff, 0xfe])),
      batch([]),
      batch({ length: 1 }),
      batch([{ body: "not base64!", contentType: "text" }]),
      batch([{ body: 1, contentType: "text" }]),
      batch([{ body: "eA==", contentType: "text", delaySecs: 0.5 }]),
      batch([{ body: "eA==", contentType: "text", delaySecs: -1 }]),
      batch([{ body: "eA==" }]),
      post(`/${other}/message`, "x", { "x-msg-fmt": "text" }),
      post(`/message/../../${other}/message`, "x", { "x-msg-fmt": "text" }),
      new Request("http://broker/message", { method: "DELETE" }),
      new Request("http://broker/message"),
    ];
    for (const request of garbage) {
      const { status, headers } = await answer(request);
      expect([request.url, status, headers.get("cf-queues-error-code")]).toEqual([
        request.url,
        400,
        "INVALID_INPUT",
      ]);
    }
    expect((await bus.streamState(streams.queues.name)).lastSeq).toBe(before.lastSeq);
  });

  test("reads no more of a body than a batch may have, whatever its length says", async () => {
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    const { status } = await answer(post("/message", endless, { "x-msg-fmt": "bytes" }));
    expect(status).toBe(413);
    expect(pulled).toBeLessThan(2_000_000);
  });

  test("refuses more for a queue of which as much waits as may, and other queues go on", async () => {
    const full = queueId;
    const counting: Bus = Object.assign(Object.create(bus), {
      consumerState: async () => undefined,
      streamState: () => bus.streamState(streams.queues.name),
      stored: async (_: string, subject: string) => (subject === queueSubject(full) ? maxBacklogMessages : 0),
      publish: bus.publish.bind(bus),
    });
    const send = () => answer(post("/message", "x", { "x-msg-fmt": "text" }), counting);
    const refused = await send();
    expect([refused.status, refused.headers.get("cf-queues-error-cause")]).toEqual([
      429,
      `Storage Limit Exceeded: ${maxBacklogMessages} messages of the queue wait already`,
    ]);
    queueId = newId();
    expect((await send()).status).toBe(200);
  });

  test("tells a worker nothing of what the bus says when it is full", async () => {
    const failing: Bus = Object.assign(Object.create(bus), {
      consumerState: async () => undefined,
      streamState: () => bus.streamState(streams.queues.name),
      stored: async () => 0,
      publish: async () => {
        throw new OpenWorkersError("BUS_FULL", "nats://secret:password@10.0.0.1 is full");
      },
    });
    const answered = await answer(post("/message", "x", { "x-msg-fmt": "text" }), failing);
    expect([answered.status, answered.headers.get("cf-queues-error-code")]).toEqual([503, "BUS_FULL"]);
    expect(await answered.text()).toBe("The platform cannot store messages at the moment");
  });
});
