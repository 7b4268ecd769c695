import { expect, test } from "bun:test";
import { isOpenWorkersError, queueConsumerSettings } from "@openworkers/core";
import { addCron, changeCron, listCrons, removeCron } from "./crons.ts";
import { createNamedLogToken, listLogTokens, revokeLogToken } from "./log-tokens.ts";
import {
  listQueues,
  loadQueuePurges,
  pauseQueue,
  purgeQueue,
  removeQueueConsumer,
  sendToQueue,
  setQueueConsumer,
} from "./queues/mod.ts";
import { createResource, deleteResource } from "./resources.ts";
import { runCron } from "./scheduled-events.ts";
import { platform, rejection } from "./testing/fixtures.ts";

const soon = () => new Date(Date.now() + 3_600_000);

test("another owner's queue, cron and log tokens are reached neither by name nor by id", async () => {
  await using it = await platform();
  const { database, deploy, ada, bob } = it;
  await deploy("shop");
  const id = await createResource(database, "queue", { name: "orders", by: ada });
  await setQueueConsumer(database, {
    ...{ queue: "orders", worker: "shop", by: ada },
    settings: queueConsumerSettings({}),
  });
  const cron = await addCron(database, { worker: "shop", expression: "0 9 * * *", by: ada });
  await createNamedLogToken(database, { worker: "shop", name: "grafana", expiresAt: soon(), by: ada });
  const before = [
    await listQueues(database),
    await listCrons(database),
    await listLogTokens(database, "shop"),
  ];

  const body = new Uint8Array([49]);
  const attacks: (() => Promise<unknown>)[] = [
    ...["orders", id].flatMap((nameOrId) => [
      () => pauseQueue(database, { nameOrId, paused: true, by: bob }),
      () => purgeQueue(database, { nameOrId, by: bob }),
      () => sendToQueue(database, { nameOrId, contentType: "json", body, delaySeconds: 0, by: bob }),
      () => removeQueueConsumer(database, { queue: nameOrId, by: bob }),
      () => deleteResource(database, "queue", { nameOrId, by: bob }),
    ]),
    ...[cron.expression, cron.id].flatMap((each) => [
      () => changeCron(database, { worker: "shop", cron: each, by: bob }, { paused: true }),
      () => removeCron(database, { worker: "shop", cron: each, by: bob }),
      () => runCron(database, { worker: "shop", cron: each, by: bob }),
    ]),
    () => createNamedLogToken(database, { worker: "shop", name: "mine", expiresAt: soon(), by: bob }),
    () => revokeLogToken(database, { worker: "shop", name: "grafana", by: bob }),
  ];
  for (const attack of attacks) {
    const refused = await rejection(attack());
    expect(isOpenWorkersError(refused, "FORBIDDEN", "NOT_FOUND") || refused).toBe(true);
  }
  expect([
    await listQueues(database),
    await listCrons(database),
    await listLogTokens(database, "shop"),
  ]).toEqual(before);
  expect(await loadQueuePurges(database)).toEqual([]);
});

test("a cron's id is of no use with another worker of one's own", async () => {
  await using it = await platform();
  const { database, deploy, ada } = it;
  await deploy("shop");
  await deploy("other");
  const { id } = await addCron(database, { worker: "shop", expression: "0 9 * * *", by: ada });
  const removed = removeCron(database, { worker: "other", cron: id, by: ada });
  expect(await rejection(removed)).toMatchObject({ code: "NOT_FOUND" });
  expect(await listCrons(database, "shop")).toHaveLength(1);
});
