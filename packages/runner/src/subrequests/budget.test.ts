import { describe, expect, test } from "bun:test";
import { newId } from "@openworkers/core";
import { CellBudget } from "./budget.ts";

const never = new AbortController().signal;
const limits = { subrequests: 3, subrequestConcurrency: 2, concurrency: 10 };

function cell(wanted: Partial<typeof limits> = {}) {
  const budget = new CellBudget({ ...limits, ...wanted });
  return {
    budget,
    request() {
      const id = newId<"request">();
      budget.open(id);
      return id;
    },
    /** One subrequest that is over at once: whether it was let through. */
    async once(id?: string): Promise<boolean> {
      try {
        (await budget.enter(id, never))[Symbol.dispose]();
        return true;
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: "SUBREQUEST_LIMIT" });
        return false;
      }
    },
  };
}

/** How many of the promises have settled, once all that can has happened. */
async function settled(promises: readonly Promise<unknown>[]): Promise<number> {
  let count = 0;
  for (const promise of promises) {
    promise.then(
      () => count++,
      () => count++,
    );
  }
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  return count;
}

describe("a request", () => {
  test("makes as many subrequests as it may, and then hears of the limit by name", async () => {
    const { budget, request } = cell();
    const id = request();
    for (let count = 0; count < limits.subrequests; count++)
      (await budget.enter(id, never))[Symbol.dispose]();
    await expect(budget.enter(id, never)).rejects.toThrow("a request may make 3 (limits.subrequests)");
  });

  test("waits in line for a place, and the places go round", async () => {
    const { budget, request } = cell({ subrequests: 10 });
    const id = request();
    const all = Array.from({ length: 5 }, () => budget.enter(id, never));
    expect(await settled(all)).toBe(2);
    (await all[0])?.[Symbol.dispose]();
    expect(await settled(all)).toBe(3);
    for (const one of all) (await one)[Symbol.dispose]();
    expect(await settled(all)).toBe(5);
    const again = [budget.enter(id, never), budget.enter(id, never), budget.enter(id, never)];
    expect(await settled(again)).toBe(2);
  });

  test("gives its place up once, however often it is let go", async () => {
    const { budget, request } = cell({ subrequests: 10 });
    const id = request();
    const first = await budget.enter(id, never);
    const rest = Array.from({ length: 4 }, () => budget.enter(id, never));
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(await settled(rest)).toBe(2);
  });

  test("that leaves the line takes no place", async () => {
    const { budget, request } = cell({ subrequests: 10 });
    const id = request();
    const held = await budget.enter(id, never);
    await budget.enter(id, never);
    const leaving = new AbortController();
    const gone = budget.enter(id, leaving.signal);
    const next = budget.enter(id, never);
    leaving.abort(new Error("left"));
    await expect(gone).rejects.toThrow("left");
    held[Symbol.dispose]();
    expect(await settled([next])).toBe(1);
  });

  test("does not spend what is another's", async () => {
    const { request, once } = cell();
    const [one, other] = [request(), request()];
    for (let count = 0; count < limits.subrequests; count++) await once(one);
    expect([await once(one), await once(other)]).toEqual([false, true]);
  });
});

describe("a subrequest whose request is not in flight", () => {
  test("is paid for by the one with most left, until none has any", async () => {
    const { request, once } = cell();
    const [one, other] = [request(), request()];
    await once(one);
    for (const claimed of [undefined, "made-up", undefined, "made-up", undefined]) {
      expect(await once(claimed)).toBe(true);
    }
    for (const id of [undefined, "made-up", one, other]) expect(await once(id)).toBe(false);
  });

  test("is refused when there was no request", async () => {
    const { once } = cell();
    expect([await once(), await once("made-up")]).toEqual([false, false]);
  });

  test("uses what requests that ended had over, and no more", async () => {
    const { budget, request, once } = cell();
    const id = request();
    await once(id);
    budget.close(id);
    expect([await once(id), await once(id), await once(id)]).toEqual([true, true, false]);
  });

  test("uses nothing once the time for it is over", async () => {
    const { budget, request, once } = cell();
    const id = request();
    budget.close(id);
    budget.lapse();
    expect(await once(id)).toBe(false);
  });

  test("finds no more than a cellful of requests has over, however many have ended", async () => {
    const { budget, request, once } = cell({ concurrency: 2 });
    for (let count = 0; count < 100; count++) budget.close(request());
    let made = 0;
    while (await once()) made++;
    expect(made).toBe(2 * limits.subrequests);
  });
});

describe("who asks", () => {
  const span = { context: { traceId: "a", spanId: "b", sampled: true }, child: () => span, end() {} };

  test("is the request that is said, when it is in flight in this cell", () => {
    const budget = new CellBudget(limits);
    const [mine, other, elsewhere] = [newId<"request">(), newId<"request">(), newId<"request">()];
    budget.open(mine, span);
    budget.open(other);
    expect(budget.asker(mine)?.span).toBe(span);
    expect(budget.asker(other)).toMatchObject({ span: undefined });
    expect(budget.asker(elsewhere)).toBeUndefined();
    expect(budget.asker("")).toBeUndefined();
    budget.close(mine);
    expect(budget.asker(mine)).toBeUndefined();
  });

  test("is the only one in flight when none is said, and nobody when there are several", () => {
    const budget = new CellBudget(limits);
    const [mine, other] = [newId<"request">(), newId<"request">()];
    expect(budget.asker(undefined)).toBeUndefined();
    budget.open(mine, span);
    expect(budget.asker(undefined)?.span).toBe(span);
    budget.open(other);
    expect(budget.asker(undefined)).toBeUndefined();
    budget.close(other);
    // By way of a service binding it came back to the cell: which of the two asks cannot be told.
    budget.open(mine, span);
    expect(budget.asker(mine)).toBeUndefined();
    expect(budget.asker(undefined)).toBeUndefined();
  });
});
