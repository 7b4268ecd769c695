import { expect, test } from "bun:test";
import { type ContractContext, fill, ids, on, Seen, testConsumer, until } from "./contract-rig.ts";
import { bytes } from "./text.ts";

/** What is delivered again, when, and what is not. */
export function contractOfRedeliver({ bus, stream }: ContractContext): void {
  test("delivers again what was not acknowledged in time, to somebody else if need be", async () => {
    const t = await stream({ retention: "work" });
    const never = Promise.withResolvers<void>();
    const [stuck, other] = [new Seen(), new Seen()];
    const definition = testConsumer(t, { ackWaitMs: 300 });
    await using _a = await bus().consume({ ...definition, inFlight: 1 }, async (message) => {
      stuck.add(message);
      await never.promise;
    });
    await fill(bus(), t, 1);
    await stuck.atLeast(1);
    await using _b = await bus().consume(definition, async (message) => other.add(message));
    expect((await other.atLeast(1))[0]).toMatchObject({ id: "a:0", deliveries: 2 });
    await until(async () => (await bus().streamState(t.name)).messages === 0);
    never.resolve();
  });

  test("does not deliver again what is being worked on, however long that takes", async () => {
    const t = await stream({ retention: "work" });
    const seen = new Seen();
    await using _ = await bus().consume(testConsumer(t, { ackWaitMs: 400 }), async (message) => {
      seen.add(message);
      if (message.id === "a:1") return;
      for (let step = 0; step < 8; step++) {
        await Bun.sleep(100);
        message.working();
      }
    });
    await fill(bus(), t, 2);
    await until(async () => (await bus().streamState(t.name)).messages === 0);
    expect(ids(seen.all).sort()).toEqual(["a:0", "a:1"]);
  });

  test("waits with what failed, longer each time, and goes on with the others meanwhile", async () => {
    const t = await stream({ retention: "work" });
    const seen = new Seen<{ id: string; at: number; deliveries: number }>();
    await using _ = await bus().consume(testConsumer(t, { backoffMs: [50, 300] }), async (message) => {
      seen.add({ id: message.id, at: performance.now(), deliveries: message.deliveries });
      if (message.id === "a:0" && message.deliveries < 4) throw new Error("not yet");
    });
    await fill(bus(), t, 3);
    await until(async () => (await bus().streamState(t.name)).messages === 0);
    const failed = seen.all.filter(({ id }) => id === "a:0");
    expect(failed.map(({ deliveries }) => deliveries)).toEqual([1, 2, 3, 4]);
    const waits = failed.slice(1).map(({ at }, index) => at - (failed[index]?.at ?? 0));
    for (const [index, least] of [50, 300, 300].entries()) expect(waits[index]).toBeGreaterThan(least - 5);
    expect(seen.all.filter(({ id }) => id !== "a:0").map(({ deliveries }) => deliveries)).toEqual([1, 1]);
  });

  test("waits as long as a handler asks for, whatever the back-off", async () => {
    const t = await stream({ retention: "work" });
    const seen = new Seen<number>();
    await using _ = await bus().consume(testConsumer(t, { backoffMs: [60_000] }), async (message) => {
      seen.add(performance.now());
      if (message.deliveries === 1) message.retry(200);
      if (message.deliveries === 2) message.retry(0);
    });
    await fill(bus(), t, 1);
    const [first = 0, second = 0] = await seen.atLeast(3);
    expect(second - first).toBeGreaterThan(195);
    await until(async () => (await bus().streamState(t.name)).messages === 0);
  });

  test("never delivers again what was dropped", async () => {
    const t = await stream({ retention: "work" });
    const seen = new Seen();
    await using _ = await bus().consume(testConsumer(t, { ackWaitMs: 200 }), async (message) => {
      seen.add(message);
      if (message.id === "a:0") message.drop();
    });
    await fill(bus(), t, 2);
    await until(async () => (await bus().consumerState(t.name, "consumer"))?.unacknowledged === 0);
    await fill(bus(), t, 1, "after");
    await seen.atLeast(3);
    expect(ids(seen.all).sort()).toEqual(["a:0", "a:1", "after:0"]);
  });

  test("counts the first end of a delivery alone", async () => {
    const t = await stream({ retention: "work" });
    const seen = new Seen();
    await using _ = await bus().consume(testConsumer(t), async (message) => {
      seen.add(message);
      await message.ack();
      message.retry();
      message.drop();
      await message.ack();
      throw new Error("too late to matter");
    });
    await fill(bus(), t, 3);
    await until(async () => (await bus().streamState(t.name)).messages === 0);
    expect(seen.all).toHaveLength(3);
  });

  test("moves a consumer's floor past what was acknowledged in any order", async () => {
    const t = await stream();
    const waiting = new Map<string, () => void>();
    await using _ = await bus().consume(testConsumer(t), async (message) => {
      await new Promise<void>((resolve) => waiting.set(message.id, resolve));
    });
    for (let at = 0; at < 3; at++) await bus().publish(on(t, "a"), bytes("x"), { id: `${at}` });
    await until(() => waiting.size === 3);
    const floor = async () => (await bus().consumerState(t.name, "consumer"))?.floor;
    expect(await floor()).toBe(0);
    waiting.get("1")?.();
    await until(async () => (await bus().consumerState(t.name, "consumer"))?.unacknowledged === 2);
    expect(await floor()).toBe(0);
    waiting.get("0")?.();
    await until(async () => (await floor()) === 2);
    waiting.get("2")?.();
    await until(async () => (await floor()) === 3);
    expect((await bus().streamState(t.name)).messages).toBe(3);
  });
}
