import { expect, test } from "bun:test";
import { testBus } from "@openworkers/bus/testing";
import { newId, OpenWorkersError, type ScheduledResult, streams } from "@openworkers/core";
import { ScheduledResults } from "./scheduled-results.ts";

const never = new AbortController().signal;

function resultOf(): ScheduledResult {
  return {
    ...{ v: 1, eventId: newId(), cronId: newId(), workerId: newId(), requestId: newId(), attempt: 1 },
    ...{ startedAt: 0, wallMs: 1, cpuMs: 1, outcome: "ok", noRetry: false, redelivered: false },
  };
}

test("a few hundred results are on their way to the bus at a time, and all arrive", async () => {
  await using own = testBus();
  await own.bus.declare(streams.scheduledResults);
  let underWay = 0;
  let most = 0;
  const results = new ScheduledResults(
    {
      report: () => {},
      bus: {
        async publish(...given) {
          underWay += 1;
          most = Math.max(most, underWay);
          const published = await own.bus.publish(...given);
          underWay -= 1;
          return published;
        },
      },
    },
    never,
  );
  await Promise.all(Array.from({ length: 1_000 }, () => results.tell(resultOf())));
  expect(most).toBe(256);
  expect((await own.bus.streamState(streams.scheduledResults.name)).messages).toBe(1_000);
});

test("one that the bus will never take does not keep the others back", async () => {
  await using own = testBus();
  await own.bus.declare(streams.scheduledResults);
  const results = new ScheduledResults({ bus: own.bus, report: () => {} }, never);
  const tooLarge = { ...resultOf(), error: "x".repeat(streams.scheduledResults.maxMessageBytes) };
  const ends = await Promise.allSettled(
    [...Array(300).fill(tooLarge), resultOf()].map((r) => results.tell(r)),
  );
  expect(ends.filter(({ status }) => status === "rejected")).toHaveLength(300);
  expect(ends.at(-1)?.status).toBe("fulfilled");
});

test("while the bus is away results wait, and from the cut on nobody waits for it", async () => {
  const cut = new AbortController();
  const reports: string[] = [];
  const away = new OpenWorkersError("BUS_UNAVAILABLE", "NATS is away.");
  const results = new ScheduledResults(
    { bus: { publish: () => Promise.reject(away) }, report: (message) => reports.push(message) },
    cut.signal,
  );
  const telling = Array.from({ length: 1_000 }, () => results.tell(resultOf()));
  const ends = Promise.allSettled(telling);
  while (reports.length < 256) await Bun.sleep(1);
  cut.abort();
  expect((await ends).map(({ status }) => status)).toEqual(Array(1_000).fill("rejected"));
  expect(reports).toHaveLength(256);
});
