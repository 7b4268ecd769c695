import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Bus, ConsumerDefinition, Message, StoredMessage, StreamDefinition } from "../bus.ts";
import { contractOfFollow } from "./contract-follow.ts";
import { contractOfLimits } from "./contract-limits.ts";
import { bytes, text } from "./text.ts";

/** A bus of one kind, for a suite. */
export interface BusUnderTest extends AsyncDisposable {
  readonly bus: Bus;
}

/** What a test of the contract works with. */
export interface ContractContext {
  readonly bus: () => Bus;
  /** A stream of a test's own. */
  stream(options?: Partial<StreamDefinition>): Promise<StreamDefinition>;
}

let count = 0;

/** The behaviour of every bus. */
export function busContract(kind: string, open: () => Promise<BusUnderTest>): void {
  describe(`a bus (${kind})`, () => {
    let under: BusUnderTest;
    beforeAll(async () => {
      under = await open();
    });
    afterAll(async () => {
      await under?.[Symbol.asyncDispose]();
    });
    const context: ContractContext = {
      bus: () => under.bus,
      async stream(options = {}) {
        const stream = testStream(options);
        await under.bus.declare(stream);
        return stream;
      },
    };
    contractOfPublish(context);
    contractOfConsume(context);
    contractOfFollow(context);
    contractOfLimits(context);
    contractOfRequests(context);
  });
}

/** A stream under a name that no other test uses. */
export function testStream(options: Partial<StreamDefinition> = {}): StreamDefinition {
  const number = ++count;
  return {
    name: `T${number}`,
    subject: `t${number}.>`,
    retention: "limits",
    maxAgeMs: 3_600_000,
    maxBytes: 2 ** 24,
    whenFull: "drop-oldest",
    maxMessageBytes: 2 ** 20,
    dedupeMs: 60_000,
    ...options,
  };
}

/** A consumer of everything in `stream`. */
export function testConsumer(
  stream: StreamDefinition,
  options: Partial<ConsumerDefinition> = {},
): ConsumerDefinition {
  return {
    stream: stream.name,
    name: "consumer",
    subject: stream.subject,
    inFlight: 4,
    maxUnacknowledged: 1_000,
    ackWaitMs: 30_000,
    backoffMs: [10],
    ...options,
  };
}

/** A subject of `stream`. */
export const on = (stream: StreamDefinition, last: string) => stream.subject.replace(">", last);

/** Keeps what a handler is given and tells when there is enough. */
export class Seen<T = Message> {
  readonly all: T[] = [];
  readonly #waiting: { count: number; resolve: () => void }[] = [];

  add(one: T): void {
    this.all.push(one);
    for (const { count, resolve } of this.#waiting) if (this.all.length >= count) resolve();
  }

  /** Resolves to all of them once there are `count`. */
  async atLeast(count: number): Promise<readonly T[]> {
    if (this.all.length < count) {
      await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
    }
    return this.all;
  }
}

/** Resolves once `condition` holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await Bun.sleep(5);
}

export const code = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "it was done",
    (thrown: { code?: string }) => thrown.code,
  );

export const ids = (messages: readonly StoredMessage[]) => messages.map(({ id }) => id);

function contractOfPublish({ bus, stream }: ContractContext): void {
  test("gives each message the next position", async () => {
    const t = await stream();
    expect(await bus().publish(on(t, "a"), bytes("1"), { id: "1" })).toEqual({ seq: 1, duplicate: false });
    expect(await bus().publish(on(t, "b"), bytes("2"), { id: "2" })).toEqual({ seq: 2, duplicate: false });
    expect(await bus().streamState(t.name)).toMatchObject({ messages: 2, firstSeq: 1, lastSeq: 2 });
  });

  test("stores a message once that is published twice at the same moment", async () => {
    const t = await stream();
    const twice = await Promise.all([1, 2].map(() => bus().publish(on(t, "a"), bytes("x"), { id: "same" })));
    expect(twice.map(({ seq }) => seq)).toEqual([1, 1]);
    expect(twice.filter(({ duplicate }) => duplicate)).toHaveLength(1);
    expect((await bus().streamState(t.name)).messages).toBe(1);
  });

  test("takes a message again whose id it has had time to forget", async () => {
    const t = await stream({ dedupeMs: 200 });
    expect((await bus().publish(on(t, "a"), bytes("x"), { id: "same" })).duplicate).toBe(false);
    expect((await bus().publish(on(t, "a"), bytes("x"), { id: "same" })).duplicate).toBe(true);
    await until(async () => !(await bus().publish(on(t, "a"), bytes("x"), { id: "same" })).duplicate);
    expect((await bus().streamState(t.name)).messages).toBe(2);
  });

  test("remembers the id of a message that was consumed", async () => {
    const t = await stream({ retention: "work" });
    await bus().publish(on(t, "a"), bytes("x"), { id: "once" });
    await using _ = await bus().consume(testConsumer(t), async () => {});
    await until(async () => (await bus().streamState(t.name)).messages === 0);
    expect(await bus().publish(on(t, "a"), bytes("x"), { id: "once" })).toEqual({ seq: 1, duplicate: true });
  });

  test("keeps a payload as it was when it was published", async () => {
    const t = await stream();
    const payload = bytes("before");
    const published = bus().publish(on(t, "a"), payload, { id: "1" });
    payload.fill(0);
    await published;
    const signal = AbortSignal.timeout(20_000);
    for await (const message of bus().follow({ stream: t.name, subject: t.subject, after: 0, signal })) {
      expect(text(message.payload)).toBe("before");
      break;
    }
  });

  test("refuses what no stream takes, and what is no subject or id", async () => {
    const t = await stream();
    expect(await code(bus().publish("nobody.takes.this", bytes(""), { id: "1" }))).toBe("INVALID_INPUT");
    for (const subject of ["", "a b", on(t, "*"), on(t, ">"), on(t, "a."), `${on(t, "a")}\r\nPUB x 0`]) {
      expect(await code(bus().publish(subject, bytes(""), { id: "1" }))).toBe("INVALID_INPUT");
    }
    for (const id of ["", "a b", "a\r\nb", "x".repeat(129)]) {
      expect(await code(bus().publish(on(t, "a"), bytes(""), { id }))).toBe("INVALID_INPUT");
    }
    expect((await bus().streamState(t.name)).messages).toBe(0);
  });

  test("takes a payload of the largest size with each of its bytes, and none that is larger", async () => {
    const t = await stream({ maxMessageBytes: 2 ** 20 - 1_000 });
    const large = new Uint8Array(t.maxMessageBytes).map((_, at) => at % 251);
    await bus().publish(on(t, "a"), large, { id: "1" });
    const seen = new Seen();
    await using _ = await bus().consume(testConsumer(t), async (message) => seen.add(message));
    expect(Bun.hash((await seen.atLeast(1))[0]?.payload ?? "")).toBe(Bun.hash(large));
    const larger = new Uint8Array(t.maxMessageBytes + 1);
    expect(await code(bus().publish(on(t, "a"), larger, { id: "2" }))).toBe("INVALID_INPUT");
  });
}

function contractOfConsume({ bus, stream }: ContractContext): void {
  const fill = async (t: StreamDefinition, count: number, last = "a") => {
    await Promise.all(
      Array.from({ length: count }, (_, at) =>
        bus().publish(on(t, last), bytes(`${at}`), { id: `${last}:${at}` }),
      ),
    );
  };

  test("hands over what was stored before and what comes after, and keeps no work that is done", async () => {
    const t = await stream({ retention: "work" });
    await fill(t, 3);
    const seen = new Seen();
    await using _ = await bus().consume(testConsumer(t), async (message) => seen.add(message));
    await seen.atLeast(3);
    await fill(t, 3, "b");
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
    await fill(t, 20);
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
    await fill(t, 10);
    await seen.atLeast(3);
    expect(await bus().consumerState(t.name, "consumer")).toMatchObject({ unacknowledged: 3, pending: 7 });
    expect(consumption.handling).toBe(3);
    open();
    await seen.atLeast(10);
  });

  test("delivers again what was not acknowledged in time, to somebody else if need be", async () => {
    const t = await stream({ retention: "work" });
    const never = Promise.withResolvers<void>();
    const [stuck, other] = [new Seen(), new Seen()];
    const definition = testConsumer(t, { ackWaitMs: 300 });
    await using _a = await bus().consume({ ...definition, inFlight: 1 }, async (message) => {
      stuck.add(message);
      await never.promise;
    });
    await fill(t, 1);
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
    await fill(t, 2);
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
    await fill(t, 3);
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
    await fill(t, 1);
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
    await fill(t, 2);
    await until(async () => (await bus().consumerState(t.name, "consumer"))?.unacknowledged === 0);
    await fill(t, 1, "after");
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
    await fill(t, 3);
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

  test("waits when a consumption is disposed of for what is being handled, and hands it nothing more", async () => {
    const t = await stream({ retention: "work" });
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    const seen = new Seen();
    const consumption = await bus().consume(testConsumer(t, { inFlight: 2 }), async (message) => {
      seen.add(message);
      await opened;
    });
    await fill(t, 5);
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
    await fill(t, 2);
    const first = new Seen();
    {
      await using _ = await bus().consume(testConsumer(t), async (message) => first.add(message));
      await first.atLeast(2);
    }
    await fill(t, 2, "b");
    const second = new Seen();
    await using _ = await bus().consume(testConsumer(t), async (message) => second.add(message));
    expect(ids(await second.atLeast(2)).sort()).toEqual(["b:0", "b:1"]);
  });

  test("keeps the messages of a consumer that is removed, and begins anew under its name", async () => {
    const t = await stream();
    await fill(t, 2);
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
    await fill(t, 200, "busy");
    await fill(t, 1, "quiet");
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
    await Promise.all(["p", "q", "r"].map((last) => fill(t, 100, last)));
    await until(async () => (await bus().streamState(t.name)).messages === 0);
    expect(done.size).toBe(300);
    expect([...done.values()].every((times) => times === 1)).toBe(true);
  });
}

function contractOfRequests({ bus }: ContractContext): void {
  const subject = () => `ask.${++count}`;

  test("asks somebody who answers, in turns", async () => {
    const asked = subject();
    const answers = ["one", "two"].map((name) =>
      bus().respond(asked, "group", async (payload) => bytes(`${name} ${text(payload)}`)),
    );
    await using _a = await answers[0];
    await using _b = await answers[1];
    const heard = new Set<string>();
    await until(async () => {
      heard.add(text(await bus().request(asked, bytes("hears"), { timeoutMs: 5_000 })));
      return heard.size === 2;
    });
    expect([...heard].sort()).toEqual(["one hears", "two hears"]);
  });

  test("says that nobody answers", async () => {
    const asked = subject();
    expect(await code(bus().request(asked, bytes(""), { timeoutMs: 5_000 }))).toBe("NOT_FOUND");
    await using answering = await bus().respond(asked, "group", async () => bytes("yes"));
    expect(text(await bus().request(asked, bytes(""), { timeoutMs: 5_000 }))).toBe("yes");
    await answering[Symbol.asyncDispose]();
    expect(await code(bus().request(asked, bytes(""), { timeoutMs: 5_000 }))).toBe("NOT_FOUND");
  });

  test("says that no answer came in time, or that none could be given", async () => {
    const [slow, broken] = [subject(), subject()];
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    await using _a = await bus().respond(slow, "group", () => promise);
    await using _b = await bus().respond(broken, "group", async () => {
      throw new Error("broken");
    });
    expect(await code(bus().request(slow, bytes(""), { timeoutMs: 50 }))).toBe("BUS_UNAVAILABLE");
    expect(await code(bus().request(broken, bytes(""), { timeoutMs: 5_000 }))).toBe("BUS_UNAVAILABLE");
    resolve(bytes("late"));
  });
}
