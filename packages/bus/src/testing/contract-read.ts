import { expect, test } from "bun:test";
import { type ContractContext, code, fill, ids, on, Seen, testConsumer, until } from "./contract-rig.ts";

export function contractOfRead({ bus, stream }: ContractContext): void {
  test("reads what is stored on one subject page by page, and nothing of another", async () => {
    const t = await stream({ retention: "work" });
    for (const last of ["a", "b", "a.c"]) await fill(bus(), t, 5, last);
    const read = (after: number, limit: number) => bus().read(t.name, on(t, "a"), { after, limit });
    const all = await read(0, 100);
    expect(ids(all).sort()).toEqual(["a:0", "a:1", "a:2", "a:3", "a:4"]);
    expect(all.map(({ seq }) => seq)).toEqual(all.map(({ seq }) => seq).toSorted((a, b) => a - b));
    expect(all[0]?.payload).toBeInstanceOf(Uint8Array);
    const first = await read(0, 2);
    expect([...first, ...(await read(first.at(-1)?.seq ?? 0, 100))]).toEqual(all);
    expect(await read(all.at(-1)?.seq ?? 0, 1)).toEqual([]);
    expect(await bus().read(t.name, on(t, "nobody"), { after: 0, limit: 1 })).toEqual([]);
    expect(await code(bus().read("NONE", "none.a", { after: 0, limit: 1 }))).toBe("NOT_FOUND");
  });

  test("takes nothing from a consumer of the work, and reads what that has in hand as well", async () => {
    const t = await stream({ retention: "work" });
    await fill(bus(), t, 3);
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    const seen = new Seen();
    await using _ = await bus().consume(testConsumer(t), async (message) => {
      seen.add(message);
      await over;
    });
    await seen.atLeast(3);
    expect(await bus().read(t.name, on(t, "a"), { after: 0, limit: 10 })).toHaveLength(3);
    end();
    await until(async () => (await bus().streamState(t.name)).messages === 0);
    expect(seen.all).toHaveLength(3);
  });

  test("removes one message once, and no consumer is given it any more", async () => {
    const t = await stream({ retention: "work" });
    await fill(bus(), t, 3);
    const [first, second, third] = await bus().read(t.name, on(t, "a"), { after: 0, limit: 10 });
    if (first === undefined || second === undefined || third === undefined)
      throw new Error("there are three");
    expect(await bus().remove(t.name, second.seq)).toBe(true);
    expect(await bus().remove(t.name, second.seq)).toBe(false);
    expect(await bus().stored(t.name, on(t, "a"))).toBe(2);
    const seen = new Seen();
    await using _ = await bus().consume(testConsumer(t), async (message) => seen.add(message));
    expect(ids(await seen.atLeast(2))).toEqual([first.id, third.id]);
    await until(async () => (await bus().streamState(t.name)).messages === 0);
  });
}
