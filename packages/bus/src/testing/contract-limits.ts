import { expect, test } from "bun:test";
import type { StoredMessage } from "../bus.ts";
import { type ContractContext, code, ids, on, Seen, testConsumer, until } from "./contract-rig.ts";
import { bytes } from "./text.ts";

export function contractOfLimits({ bus, stream }: ContractContext): void {
  const stored = async (name: string, subject: string): Promise<StoredMessage[]> => {
    const { messages } = await bus().streamState(name);
    const found: StoredMessage[] = [];
    const signal = AbortSignal.timeout(20_000);
    if (messages === 0) return found;
    for await (const message of bus().follow({ stream: name, subject, after: 0, signal })) {
      if (found.push(message) === messages) break;
    }
    return found;
  };

  test("drops the oldest messages of a full stream", async () => {
    const t = await stream({ maxBytes: 20_000 });
    for (let at = 0; at < 50; at++) {
      await bus().publish(on(t, "a"), new Uint8Array(1_000), { id: `${at}` });
    }
    const state = await bus().streamState(t.name);
    expect(state.bytes).toBeLessThanOrEqual(20_000);
    expect(state.messages).toBeGreaterThan(10);
    expect(state).toMatchObject({ lastSeq: 50, firstSeq: 51 - state.messages });
    expect((await stored(t.name, t.subject)).at(0)?.seq).toBe(state.firstSeq);
  });

  test("refuses what a full stream has no room for, until there is room", async () => {
    const t = await stream({ maxBytes: 5_000, whenFull: "refuse", retention: "work" });
    let refused: unknown;
    let published = 0;
    while (refused === undefined && published < 10) {
      const attempt = bus().publish(on(t, "a"), new Uint8Array(1_000), { id: `${published}` });
      refused = await attempt.then(
        () => undefined,
        (thrown) => thrown,
      );
      if (refused === undefined) published += 1;
    }
    expect(refused).toMatchObject({ code: "BUS_FULL" });
    expect((await bus().streamState(t.name)).messages).toBe(published);
    await using _ = await bus().consume(testConsumer(t), async () => {});
    await until(async () => (await bus().streamState(t.name)).messages === 0);
    const again = await bus().publish(on(t, "a"), new Uint8Array(1_000), { id: `${published}` });
    expect(again.duplicate).toBe(false);
  });

  test("removes what has come of age", async () => {
    const t = await stream({ maxAgeMs: 500, dedupeMs: 500 });
    await bus().publish(on(t, "a"), bytes("x"), { id: "1" });
    await until(async () => (await bus().streamState(t.name)).messages === 0);
    expect(await bus().streamState(t.name)).toMatchObject({ firstSeq: 2, lastSeq: 1, bytes: 0 });
    expect((await bus().publish(on(t, "a"), bytes("x"), { id: "2" })).seq).toBe(2);
  });

  test("keeps the newest messages of each subject", async () => {
    const t = await stream({ maxMessagesPerSubject: 2 });
    for (const [at, last] of ["a", "b", "a", "a", "a"].entries()) {
      await bus().publish(on(t, last), bytes(""), { id: `${at}` });
    }
    expect(ids(await stored(t.name, t.subject))).toEqual(["1", "3", "4"]);
  });

  test("goes by new limits when a stream is declared again, and keeps what is stored", async () => {
    const t = await stream({ maxBytes: 100_000 });
    const { createdAt } = await bus().streamState(t.name);
    for (let at = 0; at < 20; at++) await bus().publish(on(t, "a"), new Uint8Array(1_000), { id: `${at}` });
    await bus().declare(t);
    expect(await bus().streamState(t.name)).toMatchObject({ messages: 20, createdAt });
    await bus().declare({ ...t, maxBytes: 10_000 });
    const state = await bus().streamState(t.name);
    expect(state.bytes).toBeLessThanOrEqual(10_000);
    expect(state.messages).toBeGreaterThan(0);
    expect(state.createdAt).toBe(createdAt);
  });

  test("refuses a stream that wants another's subjects, and one that is none", async () => {
    const t = await stream();
    expect(await code(bus().declare({ ...t, name: "RIVAL", subject: on(t, "a") }))).toBe("CONFLICT");
    expect(await code(bus().declare({ ...t, name: "lower" }))).toBe("INVALID_INPUT");
    expect(await code(bus().declare({ ...t, subject: "a.*" }))).toBe("INVALID_INPUT");
    expect(await code(bus().streamState("NEVER_DECLARED"))).toBe("NOT_FOUND");
  });

  test("counts what is stored on a subject, whoever holds it", async () => {
    const t = await stream({ retention: "work" });
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    const seen = new Seen();
    await using _ = await bus().consume(testConsumer(t, { inFlight: 1 }), async (message) => {
      seen.add(message);
      await opened;
    });
    for (const [at, last] of ["a", "b", "a", "a.b", "a"].entries()) {
      await bus().publish(on(t, last), bytes(""), { id: `${at}` });
    }
    await seen.atLeast(1);
    const counts = () => Promise.all(["a", "b", "nobody"].map((last) => bus().stored(t.name, on(t, last))));
    expect(await counts()).toEqual([3, 1, 0]);
    open();
    await until(async () => (await counts()).every((count) => count === 0));
    expect(await code(bus().stored(t.name, t.subject))).toBe("INVALID_INPUT");
  });

  test("purges what is on a subject, whoever holds it, and says how many", async () => {
    const t = await stream({ retention: "work" });
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    const seen = new Seen();
    const one = testConsumer(t, { name: "a", subject: on(t, "a"), inFlight: 1, ackWaitMs: 300 });
    await using _ = await bus().consume(one, async (message) => {
      seen.add(message);
      await opened;
    });
    for (let at = 0; at < 5; at++) {
      await bus().publish(on(t, "a"), bytes(""), { id: `a${at}` });
      await bus().publish(on(t, "b"), bytes(""), { id: `b${at}` });
    }
    await seen.atLeast(1);
    expect(await bus().purge(t.name, on(t, "a"))).toBe(5);
    expect(await bus().purge(t.name, on(t, "a"))).toBe(0);
    expect((await bus().streamState(t.name)).messages).toBe(5);
    open();
    await bus().publish(on(t, "a"), bytes(""), { id: "after" });
    await seen.atLeast(2);
    expect(ids(seen.all)).toEqual(["a0", "after"]);
    await until(async () => (await bus().streamState(t.name)).messages === 5);
    expect(await bus().purge(t.name, t.subject)).toBe(5);
  });
}
