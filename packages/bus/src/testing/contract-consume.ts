import { expect, test } from "bun:test";
import type { Message } from "../bus.ts";
import { type ContractContext, code, fill, ids, on, Seen, testConsumer, until } from "./contract-rig.ts";
import { bytes, text } from "./text.ts";

/** Who is handed which messages, and how many at a time. */
export function contractOfConsume({ bus, stream }: ContractContext): void {
  test("hands over what was stored before and what comes after, and keeps no work that is done", async () => {
    const t = await stream({ retention: "work" });
    await fill(bus(), t, 3);
    const seen = new Seen();
    await using _ = await bus().consume(testConsumer(t), async (message) => seen.add(message));
    await seen.atLeast(3);
    await fill(bus(), t, 3, "b");
    const messages = await seen.atLeast(6);
    expect(ids(messages).sort()).toEqual(["a:0", "a:1", "a:2", "b:0", "b:1", "b:2"]);
    expect(messages.every(({ deliveries }) => deliveries === 1)).toBe(true);
    await until(async () => (await bus().streamState(t.name)).messages === 0);
    expect(await bus().consumerState(t.name, "consumer")).toEqual({
      floor: 6,
      pending: 0,
      unacknowledged: 0,
      redelivered: 0,
    });
    expect(await bus().streamState(t.name)).toMatchObject({ firstSeq: 7, lastSeq: 6 });
  });

  test("hands a consumer what it asked for alone", async () => {
    const t = await stream({ retention: "work" });
    const [one, some] = [new Seen(), new Seen()];
    await using _a = await bus().consume(
      testConsumer(t, { name: "one", subject: on(t, "one") }),
      async (message) => one.add(message),
    );
    await using _b = await bus().consume(
      testConsumer(t, { name: "some", subject: on(t, "some.>") }),
      async (message) => some.add(message),
    );
    for (const last of ["some.a", "one", "other", "some.b.c", "somewhere.else", "one"]) {
      await bus().publish(on(t, last), bytes(last), { id: `${last}:${one.all.length + some.all.length}` });
    }
    await Promise.all([one.atLeast(1), some.atLeast(2)]);
    expect(some.all.map(({ payload }) => text(payload)).sort()).toEqual(["some.a", "some.b.c"]);
    expect(new Set(one.all.map(({ payload }) => text(payload)))).toEqual(new Set(["one"]));
  });

  test("refuses a second consumer of the same work", async () => {
    const t = await stream({ retention: "work" });
    await using _ = await bus().consume(testConsumer(t), async () => {});
    const rival = testConsumer(t, { name: "rival", subject: on(t, "a") });
    expect(await code(bus().consume(rival, async () => {}))).toBe("CONFLICT");
  });

  test("shares a consumer's messages among all who consume under its name, each at most so many at a time", async () => {
    const t = await stream({ retention: "work" });
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    const [first, second] = [new Seen(), new Seen()];
    const hold = (seen: Seen) => async (message: Message) => {
      seen.add(message);
      await opened;
    };
    await using a = await bus().consume(testConsumer(t, { inFlight: 3 }), hold(first));
    await using b = await bus().consume(testConsumer(t, { inFlight: 2 }), hold(second));
    await fill(bus(), t, 20);
    await Promise.all([first.atLeast(3), second.atLeast(2)]);
    expect([a.handling, b.handling]).toEqual([3, 2]);
    expect([first.all.length, second.all.length]).toEqual([3, 2]);
    open();
    await until(() => first.all.length + second.all.length === 20);
    expect(new Set(ids([...first.all, ...second.all])).size).toBe(20);
  });

  test("has no more messages unacknowledged than a consumer may", async () => {
    const t = await stream({ retention: "work" });
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    const seen = new Seen();
    const definition = testConsumer(t, { inFlight: 10, maxUnacknowledged: 3 });
    await using consumption = await bus().consume(definition, async (message) => {
      seen.add(message);
      await opened;
    });
    await fill(bus(), t, 10);
    await seen.atLeast(3);
    expect(await bus().consumerState(t.name, "consumer")).toMatchObject({ unacknowledged: 3, pending: 7 });
    expect(consumption.handling).toBe(3);
    open();
    await seen.atLeast(10);
  });

  test("waits when a consumption is disposed of for what is being handled, and hands it nothing more", async () => {
    const t = await stream({ retention: "work" });
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    const seen = new Seen();
    const consumption = await bus().consume(testConsumer(t, { inFlight: 2 }), async (message) => {
      seen.add(message);
      await opened;
    });
    await fill(bus(), t, 5);
    await seen.atLeast(2);
    let disposed = false;
    const disposing = consumption[Symbol.asyncDispose]().then(() => {
      disposed = true;
    });
    const rest = new Seen();
    await using _ = await bus().consume(testConsumer(t), async (message) => rest.add(message));
    await rest.atLeast(3);
    expect([disposed, consumption.handling]).toEqual([false, 2]);
    open();
    await disposing;
    await until(async () => (await bus().streamState(t.name)).messages === 0);
    expect(seen.all).toHaveLength(2);
    expect(ids(rest.all).length).toBe(3);
  });

  test("remembers what a consumer has had while nobody consumes", async () => {
    const t = await stream();
    await fill(bus(), t, 2);
    const first = new Seen();
    {
      await using _ = await bus().consume(testConsumer(t), async (message) => first.add(message));
      await first.atLeast(2);
    }
    await fill(bus(), t, 2, "b");
    const second = new Seen();
    await using _ = await bus().consume(testConsumer(t), async (message) => second.add(message));
    expect(ids(await second.atLeast(2)).sort()).toEqual(["b:0", "b:1"]);
  });

  test("keeps the messages of a consumer that is removed, and begins anew under its name", async () => {
    const t = await stream();
    await fill(bus(), t, 2);
    const [first, second] = [new Seen(), new Seen()];
    {
      await using _ = await bus().consume(testConsumer(t), async (message) => first.add(message));
      await first.atLeast(2);
    }
    await bus().removeConsumer(t.name, "consumer");
    expect(await bus().consumerState(t.name, "consumer")).toBeUndefined();
    await bus().removeConsumer(t.name, "consumer");
    await using _ = await bus().consume(testConsumer(t), async (message) => second.add(message));
    await second.atLeast(2);
  });

  test("a consumer with many messages does not keep another from its few", async () => {
    const t = await stream({ retention: "work" });
    const [busy, quiet] = [new Seen(), new Seen()];
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    await using _a = await bus().consume(
      testConsumer(t, { name: "busy", subject: on(t, "busy"), inFlight: 2 }),
      async (message) => {
        busy.add(message);
        await opened;
      },
    );
    await using _b = await bus().consume(
      testConsumer(t, { name: "quiet", subject: on(t, "quiet") }),
      async (message) => quiet.add(message),
    );
    await fill(bus(), t, 200, "busy");
    await fill(bus(), t, 1, "quiet");
    await quiet.atLeast(1);
    expect(busy.all.length).toBe(2);
    open();
    await busy.atLeast(200);
  });

  test("delivers each message once while many publish and consume, and some fail", async () => {
    const t = await stream({ retention: "work" });
    const done = new Map<string, number>();
    const failed = new Set<string>();
    const handle = async (message: Message) => {
      await Bun.sleep(message.seq % 3);
      if (message.seq % 7 === 0 && !failed.has(message.id)) {
        failed.add(message.id);
        throw new Error("once");
      }
      done.set(message.id, (done.get(message.id) ?? 0) + 1);
    };
    const definition = testConsumer(t, { inFlight: 16 });
    await using _a = await bus().consume(definition, handle);
    await using _b = await bus().consume(definition, handle);
    await Promise.all(["p", "q", "r"].map((last) => fill(bus(), t, 100, last)));
    await until(async () => (await bus().streamState(t.name)).messages === 0);
    expect(done.size).toBe(300);
    expect([...done.values()].every((times) => times === 1)).toBe(true);
  });
}
