import { describe, expect, test } from "bun:test";
import { newId, type WorkerId } from "@openworkers/core";
import type { Place } from "../../subrequests/places.ts";
import { FairTurns } from "./fair-turns.ts";

const never = new AbortController().signal;
const [greedy, other, third]: WorkerId[] = [newId(), newId(), newId()];

function turns(options: Partial<ConstructorParameters<typeof FairTurns>[0]> = {}) {
  const given = new FairTurns({ count: 4, perWorker: 3, maxWaiting: 100, ...options });
  const began: string[] = [];
  const held: Place[] = [];
  return {
    began,
    held,
    async take(worker: WorkerId | undefined, name: string, signal = never) {
      if (worker === undefined) throw new Error("no worker");
      const place = await given.take(worker, signal);
      began.push(name);
      held.push(place);
    },
    /** Ends the turn that has gone on for longest. */
    async end() {
      held.shift()?.[Symbol.dispose]();
      await Bun.sleep(0);
    },
  };
}

describe("turns", () => {
  test("are had at once while there are any, but for those that one worker may not have as well", async () => {
    const { take, began } = turns();
    for (let index = 0; index < 5; index++) void take(greedy, `greedy ${index}`);
    void take(other, "other 0");
    void take(other, "other 1");
    await Bun.sleep(0);
    expect(began).toEqual(["greedy 0", "greedy 1", "greedy 2", "other 0"]);
  });

  test("go round by worker, however many of one wait", async () => {
    const { take, began, end } = turns({ count: 1 });
    for (let index = 0; index < 50; index++) void take(greedy, `greedy ${index}`);
    void take(other, "other 0");
    void take(other, "other 1");
    void take(third, "third 0");
    await Bun.sleep(0);
    for (let index = 0; index < 6; index++) await end();
    const rounds = ["greedy 0", "greedy 1", "other 0", "third 0", "greedy 2", "other 1", "greedy 3"];
    expect(began).toEqual(rounds);
  });

  test("that take long leave theirs to others, and stay their worker's until they end", async () => {
    const { take, began, end } = turns({ longMs: 1 });
    for (let index = 0; index < 4; index++) void take(greedy, `greedy ${index}`);
    void take(other, "other 0");
    await take(other, "other 1");
    await take(other, "other 2");
    await take(third, "third 0");
    expect(began).toEqual(["greedy 0", "greedy 1", "greedy 2", "other 0", "other 1", "other 2", "third 0"]);
    await end();
    expect(began.at(-1)).toBe("greedy 3");
  });

  test("are all had again once they were given back, once each", async () => {
    const { take, began, held, end } = turns();
    for (let index = 0; index < 10; index++) void take(greedy, "greedy");
    await Bun.sleep(0);
    const [twice] = held;
    await end();
    twice?.[Symbol.dispose]();
    await Bun.sleep(0);
    expect(began).toHaveLength(4);
    while (held.length > 0) await end();
    began.length = 0;
    for (const worker of [greedy, greedy, greedy, greedy, other, other]) void take(worker, "again");
    await Bun.sleep(0);
    expect(began).toHaveLength(4);
  });

  test("are refused to a worker of whom too many wait, and to no other", async () => {
    const { take } = turns({ count: 1, maxWaiting: 2 });
    const all = [0, 1, 2].map(() => take(greedy, "greedy"));
    const refused: unknown = await take(greedy, "greedy").catch((thrown: unknown) => thrown);
    expect(refused).toMatchObject({
      code: "SUBREQUEST_LIMIT",
      message: expect.stringContaining("2 of this"),
    });
    void take(other, "other");
    expect(all).toHaveLength(3);
  });

  test("are not waited for by whoever has left, and what tidies up after it has its turn", async () => {
    const { take, began, end } = turns({ count: 1 });
    const left = new AbortController();
    void take(other, "other");
    const waits: unknown = take(greedy, "greedy", left.signal).catch((thrown: unknown) => thrown);
    await Bun.sleep(0);
    left.abort("left");
    expect(await waits).toBe("left");
    void take(greedy, "tidies up", left.signal);
    await end();
    expect(began).toEqual(["other", "tidies up"]);
  });
});
