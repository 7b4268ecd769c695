import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { newId, type QueueContentType, type QueueMessageId } from "@openworkers/core";
import type { DeliveredMessage } from "./dispatch.ts";
import { EventRig } from "./testing/event-rig.ts";

let it: EventRig;
beforeAll(async () => {
  it = await EventRig.start();
});
afterAll(() => it[Symbol.asyncDispose]());

function message(contentType: QueueContentType, body: string | Uint8Array, attempts = 1): DeliveredMessage {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return { id: newId<"queue-message">(), sentAt: 1_700_000_000_123, attempts, contentType, body: bytes };
}

const described = `const text = (body) => body instanceof Uint8Array ? "bytes " + [...body] : typeof body + " " + JSON.stringify(body);`;

describe("queue()", () => {
  test.each([
    ["object", "export default { async queue(batch, env, ctx) { BODY } }"],
    [
      "class-method",
      `import { WorkerEntrypoint } from "cloudflare:workers";
       export default class extends WorkerEntrypoint { async queue(batch) { const { env, ctx } = this; BODY } }`,
    ],
    [
      "service-worker",
      `addEventListener("queue", (batch) => { const env = { VERSION }, ctx = batch; batch.waitUntil((async () => { BODY })()) })`,
    ],
  ])("of the form %s gets the messages as they were sent", async (form, source) => {
    const body = `${described}
      for (const { id, timestamp, body, attempts } of batch.messages) console.log(id, timestamp.toISOString(), text(body), attempts);
      const { metrics } = batch.metadata;
      console.log(batch.queue, metrics.backlogCount, metrics.backlogBytes, metrics.oldestMessageTimestamp?.getTime());
      console.log(typeof env.VERSION.id, typeof ctx.waitUntil);`;
    const workerId = await it.runner.deploy(`forms-${form}`, source.replace("BODY", body), {
      bindings: { VERSION: { kind: "version-metadata" } },
    });
    const all = new Uint8Array(256).map((_, index) => index);
    const messages = [
      message("json", '{"a":[1,null,"ü"]}'),
      message("text", "\ufeff ünï\n", 3),
      message("bytes", all, 2),
      message("json", "null"),
      message("text", ""),
      message("bytes", new Uint8Array()),
    ];
    const metrics = { backlogCount: 7, backlogBytes: 512, oldestMessageTimestamp: 42 };
    const end = await it.queue(workerId, { messages, metrics });
    expect(end).toMatchObject({ outcome: "ok" });
    expect(end.retries).toEqual(new Map());
    const lines = (await it.lines(end, 8)).map((line) => line.message);
    const at = "2023-11-14T22:13:20.123Z";
    expect(lines).toEqual([
      `${messages[0]?.id} ${at} object {"a":[1,null,"ü"]} 1`,
      `${messages[1]?.id} ${at} string ${JSON.stringify("\ufeff ünï\n")} 3`,
      `${messages[2]?.id} ${at} bytes ${[...all]} 2`,
      `${messages[3]?.id} ${at} object null 1`,
      `${messages[4]?.id} ${at} string "" 1`,
      `${messages[5]?.id} ${at} bytes  1`,
      "jobs 7 512 42",
      "string function",
    ]);
    expect(it.invocation(end)).toMatchObject({ trigger: "queue", event: "jobs", worker: `forms-${form}` });
  });

  const hour = 3_600;
  // For three messages, a, b and c: who is delivered again, and after how long (undefined: as the queue has it).
  test.each([
    ["returns", "", {}],
    ["throws", "throw 1", { a: undefined, b: undefined, c: undefined }],
    ["acks one and throws", "a.ack(); throw 1", { b: undefined, c: undefined }],
    ["acks all and throws", "batch.ackAll(); throw 1", {}],
    ["fails in waitUntil", "ctx.waitUntil(Promise.reject(1)); b.ack()", { a: undefined, c: undefined }],
    [
      "fails in the waitUntil of cloudflare:workers",
      `const { waitUntil } = await import("cloudflare:workers"); waitUntil(scheduler.wait(5).then(() => { throw 1 })); b.ack()`,
      { a: undefined, c: undefined },
    ],
    ["retries one", "b.retry()", { b: undefined }],
    ["retries one later", "b.retry({ delaySeconds: 30 })", { b: 30 }],
    ["retries all", "batch.retryAll()", { a: undefined, b: undefined, c: undefined }],
    ["retries all later", "batch.retryAll({ delaySeconds: 9 })", { a: 9, b: 9, c: 9 }],
    [
      "retries one and all",
      "a.retry({ delaySeconds: 1 }); batch.retryAll({ delaySeconds: 9 })",
      { a: 1, b: 9, c: 9 },
    ],
    ["acks one and retries all", "a.ack(); batch.retryAll()", { b: undefined, c: undefined }],
    ["retries one and acks all", "a.retry(); batch.ackAll()", { a: undefined }],
    ["acks, then retries the same", "a.ack(); a.retry()", {}],
    ["retries, then acks the same", "a.retry(); a.ack()", { a: undefined }],
    ["retries all, then acks one", "batch.retryAll(); a.ack()", { a: undefined, b: undefined, c: undefined }],
    [
      "retries all, then all are acked",
      "batch.retryAll(); batch.ackAll()",
      { a: undefined, b: undefined, c: undefined },
    ],
    ["acks all, then retries", "batch.ackAll(); a.retry(); batch.retryAll()", {}],
    ["says a delay twice", "a.retry({ delaySeconds: 5 }); a.retry(); a.retry({ delaySeconds: 7 })", { a: 7 }],
    ["says a delay first", "a.retry({ delaySeconds: 5 }); a.retry()", { a: 5 }],
    [
      "says delays out of bounds",
      "a.retry({ delaySeconds: -1 }); b.retry({ delaySeconds: 1e9 })",
      { a: 0, b: 24 * hour },
    ],
  ] as const)("that %s has the messages delivered again that it says", async (_, body, expected) => {
    const workerId = await it.runner.deploy(
      "decides",
      `export default { async queue(batch, env, ctx) { const [a, b, c] = batch.messages; ${body} } }`,
    );
    const messages = ["a", "b", "c"].map((name) => message("text", name));
    const end = await it.queue(workerId, { messages });
    const names = new Map(messages.map(({ id, body: bytes }) => [id, new TextDecoder().decode(bytes)]));
    const retries = [...end.retries].map(([id, { delaySeconds }]) => [names.get(id), delaySeconds]);
    expect(Object.fromEntries(retries)).toEqual(expected);
  });

  test("is warned of a call that comes too late to have an effect", async () => {
    const workerId = await it.runner.deploy(
      "warned",
      "export default { queue(batch) { batch.messages[0].ack(); batch.messages[0].retry() } }",
    );
    const only = message("text", "x");
    const [line] = await it.lines(await it.queue(workerId, { messages: [only] }), 1);
    expect(line).toMatchObject({
      level: "warn",
      message: `retry() on the message ${only.id} has no effect: ack() was called before.`,
    });
  });

  test("has all messages delivered again when a body is not what it is said to be", async () => {
    const workerId = await it.runner.deploy("unread", "export default { queue() {} }");
    const messages = [message("text", "fine"), message("json", "{")];
    const end = await it.queue(workerId, { messages });
    expect(end).toMatchObject({ outcome: "exception", error: expect.stringContaining("SyntaxError") });
    expect([...end.retries.keys()]).toEqual(messages.map(({ id }) => id));
  });

  test("that is missing keeps the messages", async () => {
    const workerId = await it.runner.deploy("no-queue", "export default { scheduled() {} }");
    const messages = [message("text", "kept")];
    const end = await it.queue(workerId, { messages });
    expect(end.outcome).toBe("no-handler");
    expect(end.retries.size).toBe(1);
  });

  test("cannot speak of messages that are not in its batch", async () => {
    const foreign: QueueMessageId = newId();
    // The prelude's own answer is built of the ids that it was given; this worker changes them on their way.
    const workerId = await it.runner.deploy(
      "forges-ids",
      `Object.defineProperty(Object.prototype, "toJSON", { value() { return this.id === undefined ? this : { ...this, id: "${foreign}" } } });
       export default { queue(batch) { batch.messages[0].retry() } }`,
    );
    const end = await it.queue(workerId, { messages: [message("text", "x")] });
    expect([...end.retries.keys()]).not.toContain(foreign);
  });

  test("gets a full batch of large messages", async () => {
    const workerId = await it.runner.deploy(
      "large",
      "export default { queue(batch) { console.log(batch.messages.reduce((sum, { body }) => sum + body.length, 0)) } }",
    );
    const messages = Array.from({ length: 100 }, () => message("bytes", new Uint8Array(128_000).fill(7)));
    const end = await it.queue(workerId, { messages });
    expect(end.outcome).toBe("ok");
    expect((await it.lines(end, 1))[0]?.message).toBe("12800000");
  });
});
