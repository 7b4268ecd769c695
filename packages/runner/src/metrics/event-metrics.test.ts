import { expect, test } from "bun:test";
import { openLocalBus } from "@openworkers/bus";
import { encodePayload, newId, queueSubject, Registry, streams } from "@openworkers/core";
import { parseExposition } from "@openworkers/core/testing";
import { temporaryDirectory } from "@openworkers/db/testing";
import { addEventMetrics } from "./event-metrics.ts";

test("tells what waits on the bus, and what is in hand", async () => {
  await using bus = openLocalBus({ path: `${temporaryDirectory()}/bus.sqlite`, report: () => {} });
  await bus.declare(streams.queues);
  await bus.declare(streams.scheduled);
  const queueId = newId<"queue">();
  for (const id of ["a", "b"]) await bus.publish(queueSubject(queueId), encodePayload({ v: 1 }), { id });
  const registry = new Registry();
  using _ = addEventMetrics(registry, {
    bus,
    queues: () => ({
      queues: 3,
      held: 2,
      heldBytes: 0,
      settled: { acknowledged: 5, retried: 4, dead: 1, dropped: 0 },
    }),
    report: () => {},
    lookMs: 10,
  });
  while (!registry.text().includes('kind="scheduled"')) await Bun.sleep(5);
  const text = registry.text();
  parseExposition(text);
  expect(text).toContain('ow_event_backlog{kind="queues"} 2');
  expect(text).toContain('ow_event_backlog{kind="scheduled"} 0');
  expect(text).toContain("ow_queues 3");
  expect(text).toContain('ow_queue_messages_total{end="retried"} 4');
  expect(text).toContain("ow_queue_messages_held 2");
});
