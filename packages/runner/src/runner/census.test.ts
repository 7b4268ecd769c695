import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startTestNats, type TestNats, testBus } from "@openworkers/bus/testing";
import { Census } from "./census.ts";

const reports: unknown[] = [];
const report = (...told: unknown[]) => {
  reports.push(told);
};

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats[Symbol.asyncDispose]());

/** Takes it until so many are known: joining takes a moment. */
async function untilThereAre(count: number, census: Census): Promise<unknown[]> {
  for (;;) {
    const found = await census.take().catch(() => []);
    if (found.length === count) return found;
  }
}

describe("runners on NATS", () => {
  test("all tell of themselves to the one that is asked, until they leave", async () => {
    const join = async (name: string) =>
      new Census({ bus: await nats.connect({ replicas: 1 }), status: () => ({ name }), report });
    await using first = await join("first");
    await using _second = await join("second");
    const third = await join("third");
    const names = ["first", "second", "third"].map((name) => ({ name }));
    const sorted = (await untilThereAre(3, first)) as { name: string }[];
    expect(sorted.sort((a, b) => a.name.localeCompare(b.name))).toEqual(names);
    // Two that ask at once do not get each other's answers.
    const [one, other] = await Promise.all([first.take(), third.take()]);
    expect([one.length, other.length]).toEqual([3, 3]);
    await third[Symbol.asyncDispose]();
    await untilThereAre(2, first);
    expect(reports).toEqual([]);
  });

  test("one with a thousand cells is told of whole", async () => {
    const cells = Array.from({ length: 1_000 }, (_, pid) => ({ worker: `worker-${pid}`, version: 1, pid }));
    await using census = new Census({
      bus: await nats.connect({ replicas: 1 }),
      status: () => ({ cells }),
      report,
    });
    expect(await untilThereAre(1, census)).toEqual([{ cells }]);
  });
});

test("a runner on a bus of its own finds itself", async () => {
  await using fixture = testBus();
  await using census = new Census({ bus: fixture.bus, status: () => ({ name: "only" }), report });
  expect(await untilThereAre(1, census)).toEqual([{ name: "only" }]);
});
