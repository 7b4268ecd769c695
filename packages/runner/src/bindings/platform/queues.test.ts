import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Bus } from "@openworkers/bus";
import { testBus } from "@openworkers/bus/testing";
import {
  encodePayload,
  newId,
  type QueueId,
  queueBusId,
  queueConsumerName,
  queueSubject,
  streams,
} from "@openworkers/core";
import { createResource } from "@openworkers/db";
import { type PlatformRig, platformRig, type TestPerson } from "./testing/platform-rig.ts";

let rig: PlatformRig;
let bus: Bus;
let ada: TestPerson;
let eve: TestPerson;
const parts = new AsyncDisposableStack();
beforeAll(async () => {
  bus = parts.use(testBus()).bus;
  await bus.declare(streams.queues);
  rig = parts.use(await platformRig({ bus }));
  ada = await rig.person("ada");
  eve = await rig.person("eve");
}, 60_000);
afterAll(() => parts[Symbol.asyncDispose]());

let queues = 0;
const queueOf = (person: TestPerson): Promise<QueueId> =>
  createResource(rig.own.database, "queue", { name: `queue-${++queues}`, by: person.id }) as Promise<QueueId>;

async function send(queueId: QueueId, body: string, attempts = 0) {
  const message = {
    ...{ v: 1 as const, id: newId<"queue-message">(), queueId, sentAt: 1_700_000_000_000, attempts },
    ...{ contentType: "json" as const, body: Buffer.from(body).toString("base64") },
  };
  await bus.publish(queueSubject(queueId), encodePayload(message), { id: queueBusId(message) });
  return message;
}

interface Shown {
  readonly position: number;
  readonly id: string;
  readonly body: string;
}

const listed = async (queueId: QueueId, search = ""): Promise<Shown[]> => {
  const answer = await rig.ask(`/queues/${queueId}/messages${search}`, ada);
  return ((await answer.json()) as { items: Shown[] }).items;
};
const bodies = async (queueId: QueueId) =>
  (await listed(queueId)).map(({ body }) => Buffer.from(body, "base64").toString());
const firstOf = async (queueId: QueueId): Promise<Shown> => {
  const [first] = await listed(queueId);
  if (first === undefined) throw new Error("the queue is empty");
  return first;
};
const post = (path: string, by: TestPerson | string, body: unknown) =>
  rig.ask(path, by, { method: "POST", body: JSON.stringify(body) });

test("queues are counted: what waits, and what somebody has", async () => {
  const [busy, empty] = [await queueOf(ada), await queueOf(ada)];
  for (const at of [1, 2, 3]) await send(busy, `${at}`);
  const counts = async () => await (await post("/queues/counts", ada, [busy, empty])).json();
  expect(await counts()).toEqual({
    [busy]: { waiting: 3, inFlight: 0 },
    [empty]: { waiting: 0, inFlight: 0 },
  });
  const { promise: held, resolve: hold } = Promise.withResolvers<void>();
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  await using _ = await bus.consume(
    {
      ...{ stream: streams.queues.name, name: queueConsumerName(busy), subject: queueSubject(busy) },
      ...{ inFlight: 1, maxUnacknowledged: 1, ackWaitMs: 30_000, backoffMs: [] },
    },
    async () => {
      hold();
      await over;
    },
  );
  await held;
  expect(await counts()).toMatchObject({ [busy]: { waiting: 2, inFlight: 1 } });
  end();
});

test("messages are read in pages, as they are, and stay where they are", async () => {
  const queue = await queueOf(ada);
  const sent = [await send(queue, "1", 2), await send(queue, "2"), await send(queue, "3")];
  const [first, second] = await listed(queue, "?limit=2");
  expect(first).toMatchObject({
    id: sent[0]?.id,
    attempts: 2,
    sentAt: 1_700_000_000_000,
    contentType: "json",
  });
  expect(await listed(queue, `?after=${second?.position}`)).toMatchObject([{ id: sent[2]?.id }]);
  expect(await bodies(queue)).toEqual(["1", "2", "3"]);
  expect((await rig.ask(`/queues/${queue}/messages?limit=1000`, ada)).status).toBe(400);
});

test("what is no message of this release is shown as its bytes", async () => {
  const queue = await queueOf(ada);
  await bus.publish(queueSubject(queue), new TextEncoder().encode("?"), { id: "odd" });
  expect(await listed(queue)).toMatchObject([{ id: "odd", contentType: "bytes", body: "Pw==" }]);
});

test("messages are sent again to another queue, each as a new one, and are gone from the first", async () => {
  const [dead, orders] = [await queueOf(ada), await queueOf(ada)];
  const sent = [await send(dead, "1"), await send(dead, "2", 1), await send(dead, "3")];
  const all = await listed(dead);
  const some = await post(`/queues/${dead}/replay`, ada, {
    to: orders,
    positions: [all[1]?.position, 999_999],
  });
  expect(await some.json()).toEqual({ replayed: 1, left: 2 });
  const again = await firstOf(orders);
  expect(again).toMatchObject({ attempts: 0, sentAt: 1_700_000_000_000, contentType: "json" });
  expect(sent.map(({ id }) => id)).not.toContain(again.id);
  expect(await bodies(dead)).toEqual(["1", "3"]);
  expect(await (await post(`/queues/${dead}/replay`, ada, { to: orders })).json()).toEqual({
    ...{ replayed: 2, left: 0 },
  });
  expect(await bodies(orders)).toEqual(["2", "1", "3"]);
});

test("a message is removed by its position, in its own queue alone", async () => {
  const [queue, other] = [await queueOf(ada), await queueOf(ada)];
  await send(queue, "1");
  await send(queue, "2");
  const first = await firstOf(queue);
  const remove = (from: QueueId) =>
    rig.ask(`/queues/${from}/messages/${first.position}`, ada, { method: "DELETE" });
  expect((await remove(other)).status).toBe(404);
  expect((await remove(queue)).status).toBe(204);
  expect((await remove(queue)).status).toBe(404);
  expect(await bodies(queue)).toEqual(["2"]);
});

test("nobody counts, reads, removes or sends again what is another's, or what their key is not for", async () => {
  const [dead, orders, eves] = [await queueOf(ada), await queueOf(ada), await queueOf(eve)];
  await send(dead, "1");
  const { position } = await firstOf(dead);
  const attempts = async (by: TestPerson | string) => [
    (await post("/queues/counts", by, [dead])).status,
    (await rig.ask(`/queues/${dead}/messages`, by)).status,
    (await rig.ask(`/queues/${dead}/messages/${position}`, by, { method: "DELETE" })).status,
    (await post(`/queues/${dead}/replay`, by, { to: orders })).status,
  ];
  expect(await attempts(eve)).toEqual([404, 404, 404, 404]);
  expect(await attempts("ow_forged")).toEqual([401, 401, 401, 401]);
  expect(await attempts(rig.credential(ada, ["kv:read", "kv:write"]))).toEqual([404, 404, 404, 404]);
  expect(await attempts(rig.credential(ada, ["queues:read"]))).toEqual([200, 200, 403, 403]);
  expect((await post(`/queues/${dead}/replay`, ada, { to: eves })).status).toBe(404);
  expect((await post(`/queues/${dead}/replay`, ada, { to: dead })).status).toBe(400);
  expect(await bodies(dead)).toEqual(["1"]);
});
