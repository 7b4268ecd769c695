import { afterAll, beforeAll, expect, test } from "bun:test";
import { encodePayload, newId, type QueueId, queueBusId, queueSubject } from "@openworkers/core";
import { type Answer, type Person, type TestApi, testApi } from "../../testing/api.ts";

let api: TestApi;
/** Of queues by their names. */
const ids: Record<string, QueueId> = {};
beforeAll(async () => {
  api = await testApi();
  await api.deploy(api.ada, "shop");
  for (const name of ["orders", "orders-dead", "mails", "mails-dead"]) {
    ids[name] = (await post("/queues", { name })).body.id;
  }
  const consumer = (queue: string, deadLetterQueue: string) =>
    api.ask(`/queues/${queue}/consumer`, {
      method: "PUT",
      as: api.ada,
      json: { worker: "shop", settings: { deadLetterQueue } },
    });
  await consumer("orders", "orders-dead");
  await consumer("mails", "mails-dead");
}, 60_000);
afterAll(() => api[Symbol.asyncDispose]());

const get = (path: string, as: Person | string = api.ada): Promise<Answer> => api.ask(path, { as });
const post = (path: string, json: unknown, as: Person | string = api.ada) =>
  api.ask(path, { method: "POST", as, json });

async function put(queue: string, body: string, contentType: "json" | "bytes" = "json") {
  const queueId = ids[queue];
  if (queueId === undefined) throw new Error(`no ${queue}`);
  const message = {
    ...{ v: 1 as const, id: newId<"queue-message">(), queueId, sentAt: Date.now(), attempts: 0, contentType },
    body: Buffer.from(body).toString("base64"),
  };
  await api.bus.publish(queueSubject(queueId), encodePayload(message), { id: queueBusId(message) });
}

const bodies = async (queue: string) =>
  (await get(`/queues/${queue}/messages`)).body.items.map(({ body }: { body: string }) => body);

test("messages are counted, read page by page, sent again and removed, and it is written down", async () => {
  for (const at of [1, 2, 3]) await put("orders-dead", `{"at":${at}}`);
  await put("orders-dead", "\0\u0001", "bytes");
  expect((await get("/queues/orders/counts")).body).toEqual({
    ...{ id: ids.orders, name: "orders", waiting: 0, inFlight: 0, delayed: 0, deadLetters: 4 },
  });
  const first = (await get("/queues/orders-dead/messages?limit=3")).body;
  expect(first.items).toMatchObject([
    { body: '{"at":1}', size: 8, contentType: "json" },
    { body: '{"at":2}' },
    { body: '{"at":3}' },
  ]);
  const last = (await get(`/queues/orders-dead/messages?cursor=${first.nextCursor}`)).body;
  expect(last).toMatchObject({ items: [{ body: "AAE=", contentType: "bytes" }], nextCursor: null });
  const [, second] = first.items;
  const one = await post("/queues/orders-dead/replay", { positions: [second.position] });
  expect(one).toMatchObject({ status: 200, body: { replayed: 1, left: 3, to: "orders" } });
  const path = `/queues/orders-dead/messages/${last.items[0].position}`;
  expect(await api.ask(path, { method: "DELETE", as: api.ada })).toMatchObject({ status: 204 });
  expect((await api.ask(path, { method: "DELETE", as: api.ada })).status).toBe(404);
  expect((await post("/queues/orders-dead/replay", {})).body).toEqual({ replayed: 2, left: 0, to: "orders" });
  expect(await bodies("orders")).toEqual(['{"at":2}', '{"at":1}', '{"at":3}']);
  expect(await bodies("orders-dead")).toEqual([]);
  const { items } = (await get("/audit?subject=orders-dead")).body;
  expect(items.map(({ action }: { action: string }) => action)).toEqual(
    expect.arrayContaining(["queue.replay", "queue.remove"]),
  );
});

test("all queues of an account are counted by pages", async () => {
  const all = (await get("/queue-counts")).body.items;
  expect(all.map(({ name }: { name: string }) => name)).toEqual([
    "mails",
    "mails-dead",
    "orders",
    "orders-dead",
  ]);
  const first = (await get("/queue-counts?limit=3")).body;
  expect(first.items).toHaveLength(3);
  expect((await get(`/queue-counts?cursor=${first.nextCursor}`)).body.items).toMatchObject([
    { name: "orders-dead" },
  ]);
  expect((await get("/queue-counts", api.bob)).body).toEqual({ items: [], nextCursor: null });
  expect(all.find(({ name }: { name: string }) => name === "orders-dead").deadLetters).toBeNull();
});

test("where messages go has to be said when it is not plain", async () => {
  await put("orders", "{}");
  expect(await post("/queues/orders/replay", {})).toMatchObject({
    status: 400,
    body: { error: { code: "INVALID_INPUT", details: { issues: [{ path: "to" }] } } },
  });
  expect((await post("/queues/orders/replay", { to: "orders" })).status).toBe(400);
  expect((await post("/queues/orders/replay", { to: "nobodys" })).status).toBe(404);
});

test("with a key that may only read, messages are only read", async () => {
  await put("mails-dead", "{}");
  const reader = await api.keyOf(api.ada.id, ["queues:read"]);
  expect((await get("/queues/mails-dead/messages", reader)).body.items).toHaveLength(1);
  expect((await post("/queues/mails-dead/replay", { to: "mails" }, reader)).status).toBe(403);
  const [{ position }] = (await get("/queues/mails-dead/messages", reader)).body.items;
  const remove = (as: Person | string) =>
    api.ask(`/queues/mails-dead/messages/${position}`, { method: "DELETE", as });
  expect((await remove(reader)).status).toBe(403);
  expect((await remove(api.bob)).status).toBe(404);
  expect(await bodies("mails-dead")).toEqual(["{}"]);
});
