import { describe, expect, test } from "bun:test";
import { newId, resolveDatabaseLimits } from "@openworkers/core";
import type { Tenant } from "../tenant.ts";
import { ConnectionBudget, type Keepable } from "./connection-budget.ts";

function tenantOf(name: string, connections: number): Tenant {
  return {
    id: newId<"database">(),
    ownerId: newId<"user">(),
    name,
    place: { kind: "platform", passwords: { owner: "", "read-write": "", "read-only": "", reduce: "" } },
    limits: resolveDatabaseLimits({ connections }),
    full: false,
  };
}

class Kept implements Keepable {
  readonly key: string;
  closed = false;

  constructor(key = "key") {
    this.key = key;
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

const never = new AbortController().signal;

describe("a budget of connections", () => {
  test("gives a tenant no more than its limit, and all tenants no more than there are", async () => {
    const budget = new ConnectionBudget<Kept>({ places: 5 });
    const [a, b] = [tenantOf("a", 3), tenantOf("b", 3)];
    const held = await Promise.all([a, a, a, b].map((tenant) => budget.enter(tenant, never)));
    let more = 0;
    const leaving = new AbortController();
    const waiting = [a, b].map((tenant) => budget.enter(tenant, leaving.signal).then(() => more++));
    await Bun.sleep(0);
    expect([more, budget.usage.busy]).toEqual([0, 4]);
    held[0]?.[Symbol.dispose]();
    // Twice is once.
    held[0]?.[Symbol.dispose]();
    await Bun.sleep(0);
    expect([more, budget.usage.busy]).toEqual([1, 4]);
    leaving.abort();
    await Promise.allSettled(waiting);
  });

  test("serves tenants that wait in turn, however many wait for one of them", async () => {
    const budget = new ConnectionBudget<Kept>({ places: 1 });
    const [a, b, c] = [tenantOf("a", 9), tenantOf("b", 9), tenantOf("c", 9)];
    const first = await budget.enter(a, never);
    const order: string[] = [];
    const waiting = [...Array(50).fill(a), b, b, c].map(async (tenant: Tenant) => {
      using _ = await budget.enter(tenant, never);
      order.push(tenant.name);
    });
    first[Symbol.dispose]();
    await Promise.all(waiting);
    expect(order.slice(0, 7).join("")).toBe("abcabaa");
    expect(budget.usage).toEqual({ busy: 0, idle: 0 });
  });

  test("keeps the last fifth of its places for tenants that have none", async () => {
    const budget = new ConnectionBudget<Kept>({ places: 10 });
    const [greedy, modest] = [tenantOf("greedy", 100), tenantOf("modest", 100)];
    for (let place = 0; place < 8; place++) await budget.enter(greedy, never);
    const leaving = new AbortController();
    const ninth = budget.enter(greedy, leaving.signal);
    await budget.enter(modest, never);
    expect(budget.usage.busy).toBe(9);
    leaving.abort(new Error("still waiting"));
    await expect(ninth).rejects.toThrow("still waiting");
  });

  test("finds what was kept under its key, for its tenant alone", async () => {
    const budget = new ConnectionBudget<Kept>({ places: 10 });
    const [a, b] = [tenantOf("a", 3), tenantOf("b", 3)];
    const kept = new Kept();
    (await budget.enter(a, never, "key")).keep(kept);
    expect((await budget.enter(b, never, "key")).found).toBeUndefined();
    expect((await budget.enter(a, never, "other")).found).toBeUndefined();
    const again = await budget.enter(a, never, "key");
    expect(again.found).toBe(kept);
    again.keep(kept);
    await budget.close({ idleMs: 60_000 });
    expect(kept.closed).toBe(false);
    await budget.close({ tenant: a.id });
    expect(kept.closed).toBe(true);
    expect((await budget.enter(a, never, "key")).found).toBeUndefined();
  });

  test("ends an idle connection, the longest idle first, for another tenant or another role", async () => {
    const budget = new ConnectionBudget<Kept>({ places: 3 });
    const [a, b, c] = [tenantOf("a", 2), tenantOf("b", 1), tenantOf("c", 1)];
    const [older, newer] = [new Kept(), new Kept()];
    const places = [await budget.enter(a, never, "key"), await budget.enter(a, never, "key")];
    places[0]?.keep(older);
    places[1]?.keep(newer);
    (await budget.enter(c, never, "key")).keep(new Kept());
    const other = await budget.enter(b, never, "key");
    expect([older.closed, newer.closed]).toEqual([true, false]);
    const role = new Kept("one role");
    other.keep(role);
    await budget.enter(b, never, "another role");
    expect([role.closed, newer.closed]).toEqual([true, false]);
    expect(budget.usage).toEqual({ busy: 1, idle: 2 });
  });

  test("refuses when too many wait for a tenant, and none of another's", async () => {
    const budget = new ConnectionBudget<Kept>({ places: 3, waitingPerTenant: 1 });
    const [a, b] = [tenantOf("a", 1), tenantOf("b", 1)];
    const place = await budget.enter(a, never);
    const waiting = budget.enter(a, never);
    await expect(budget.enter(a, never)).rejects.toMatchObject({ code: "OVERLOADED" });
    await budget.enter(b, never);
    place[Symbol.dispose]();
    await waiting;
  });

  test("lets nobody wait for ever, and forgets who leaves", async () => {
    const budget = new ConnectionBudget<Kept>({ places: 1, waitMs: 1 });
    const a = tenantOf("a", 1);
    const place = await budget.enter(a, never);
    await expect(budget.enter(a, never)).rejects.toMatchObject({ code: "OVERLOADED" });
    const leaving = new AbortController();
    const left = new ConnectionBudget<Kept>({ places: 1 });
    const held = await left.enter(a, never);
    const waiting = left.enter(a, leaving.signal);
    leaving.abort(new Error("left"));
    await expect(waiting).rejects.toThrow("left");
    await expect(left.enter(a, leaving.signal)).rejects.toThrow("left");
    held[Symbol.dispose]();
    place[Symbol.dispose]();
    expect(left.usage.busy + budget.usage.busy).toBe(0);
  });
});
