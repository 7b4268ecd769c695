import { describe, expect, test } from "bun:test";
import type { Bus } from "@openworkers/bus";
import { startTestNats, testBus } from "@openworkers/bus/testing";
import {
  decodePayload,
  encodePayload,
  newId,
  OpenWorkersError,
  type ScheduledEvent,
  type ScheduledResult,
  scheduledResultSchema,
  scheduledSubject,
  streams,
  type WorkerId,
} from "@openworkers/core";
import type { EventEnd, ScheduledRun } from "./dispatch.ts";
import { ScheduledConsumer } from "./scheduled-consumer.ts";
import { EventRig } from "./testing/event-rig.ts";

const kinds = ["local", "nats"] as const;

async function openBus(kind: (typeof kinds)[number]): Promise<{ readonly bus: Bus } & AsyncDisposable> {
  if (kind === "local") return testBus();
  const nats = await startTestNats();
  return { bus: await nats.connect(), [Symbol.asyncDispose]: () => nats[Symbol.asyncDispose]() };
}

function eventOf(workerId: WorkerId, given: Partial<ScheduledEvent> = {}): ScheduledEvent {
  return {
    ...{ v: 1, eventId: newId(), cronId: newId(), workerId, cron: "* * * * *" },
    ...{ scheduledTime: 1_700_000_000_000, attempt: 1, wallMs: 60_000 },
    ...given,
  };
}

async function publish(bus: Bus, event: ScheduledEvent): Promise<void> {
  const id = `${event.eventId}:${event.attempt}`;
  await bus.publish(scheduledSubject(event.workerId), encodePayload(event), { id });
}

/** What a scheduler is told, by event. */
async function results(bus: Bus) {
  await bus.declare(streams.scheduled);
  await bus.declare(streams.scheduledResults);
  const told: ScheduledResult[] = [];
  const { name, subject } = streams.scheduledResults;
  const consumption = await bus.consume(
    {
      ...{ stream: name, subject, name: "scheduler", inFlight: 100, maxUnacknowledged: 1_000 },
      ...{ ackWaitMs: 30_000, backoffMs: [100] },
    },
    async (message) => {
      told.push(decodePayload(scheduledResultSchema, message.payload));
    },
  );
  return {
    told,
    async of({ eventId }: ScheduledEvent): Promise<ScheduledResult> {
      for (;;) {
        const found = told.find((result) => result.eventId === eventId);
        if (found !== undefined) return found;
        await Bun.sleep(2);
      }
    },
    /** Everything has been run, told and acknowledged. */
    async settled(): Promise<void> {
      while ((await bus.streamState(streams.scheduled.name)).messages > 0) await Bun.sleep(5);
    },
    [Symbol.asyncDispose]: () => consumption[Symbol.asyncDispose](),
  };
}

describe.each(kinds)("a runner with the %s bus", (kind) => {
  test("runs due crons and tells how they ended before it acknowledges them", async () => {
    await using own = await openBus(kind);
    await using scheduler = await results(own.bus);
    await using it = await EventRig.start(own.bus);
    const workerId = await it.runner.deploy(
      "crons",
      `export default { async scheduled(event) {
         console.log(event.cron, event.scheduledTime);
         if (event.cron === "throws") { event.noRetry(); throw new Error("no luck") }
       } }`,
    );
    const fine = eventOf(workerId);
    const thrown = eventOf(workerId, { cron: "throws", attempt: 3 });
    const lost = eventOf(newId());
    for (const event of [fine, thrown, lost]) await publish(own.bus, event);
    const { eventId, cronId } = fine;
    expect(await scheduler.of(fine)).toEqual({
      ...{ v: 1, eventId, cronId, workerId, attempt: 1, outcome: "ok", noRetry: false, redelivered: false },
      requestId: expect.any(String),
      startedAt: expect.any(Number),
      wallMs: expect.any(Number),
      cpuMs: expect.any(Number),
    });
    expect((await it.lines(await scheduler.of(fine), 1))[0]?.message).toBe("* * * * * 1700000000000");
    expect(await scheduler.of(thrown)).toMatchObject({
      ...{ attempt: 3, outcome: "exception", error: "Error: no luck", noRetry: true, redelivered: false },
    });
    expect(await scheduler.of(lost)).toMatchObject({ outcome: "not-found" });
    await scheduler.settled();
    expect(scheduler.told).toHaveLength(3);
  });

  test("drops what is no event, with a word to the operator, and goes on", async () => {
    await using own = await openBus(kind);
    await using scheduler = await results(own.bus);
    await using it = await EventRig.start(own.bus);
    const workerId = await it.runner.deploy("crons", "export default { scheduled() {} }");
    for (const payload of ["{", '{"v":2}', '{"v":1,"eventId":"x"}', "\xff"]) {
      await own.bus.publish(scheduledSubject(workerId), Buffer.from(payload, "latin1"), { id: newId() });
    }
    const event = eventOf(workerId);
    await publish(own.bus, event);
    expect((await scheduler.of(event)).outcome).toBe("ok");
    await scheduler.settled();
    expect(it.runner.reports.filter(({ message }) => message === "A cron's event is none.")).toHaveLength(4);
  });

  test("gives back what it has no time for when it drains, and lets run what it can", async () => {
    await using own = await openBus(kind);
    await using scheduler = await results(own.bus);
    const it = await EventRig.start(own.bus);
    const source = `export default { async scheduled({ cron }) { console.log("began " + cron); await scheduler.wait(cron === "short" ? 300 : 60_000) } }`;
    const workerId = await it.runner.deploy("crons", source);
    const short = eventOf(workerId, { cron: "short" });
    const long = eventOf(workerId, { cron: "long" });
    for (const event of [short, long]) await publish(own.bus, event);
    await Promise.all(["short", "long"].map((cron) => it.written("crons", `began ${cron}`)));
    const stop = new AbortController();
    const drained = it.runner.runner.drain({ signal: stop.signal });
    expect((await scheduler.of(short)).outcome).toBe("ok");
    stop.abort();
    await drained;
    await it[Symbol.asyncDispose]();
    expect(scheduler.told).toHaveLength(1);
    // Another runner takes it, and says that it may have run before.
    await using another = await EventRig.start(own.bus);
    expect(await scheduler.of(long)).toMatchObject({ outcome: "not-found", redelivered: true });
    expect(another.runner.records).toEqual([]);
  });
});

test("a run outlives the bus: NATS is killed while it runs, and hears of its end when it is back", async () => {
  await using nats = await startTestNats();
  const bus = await nats.connect();
  await using scheduler = await results(bus);
  await using it = await EventRig.start(bus);
  const workerId = await it.runner.deploy(
    "crons",
    `export default { async scheduled() { console.log("began"); await scheduler.wait(1_000); console.log("ended") } }`,
  );
  const event = eventOf(workerId);
  await publish(bus, event);
  await it.written("crons", "began");
  const [server] = nats.nodes;
  await server?.kill();
  await it.written("crons", "ended");
  await server?.start();
  expect(await scheduler.of(event)).toMatchObject({ outcome: "ok" });
  await scheduler.settled();
  const begun = it.runner.records.filter((record) => record.kind === "line" && record.message === "began");
  expect([begun.length, scheduler.told.length]).toEqual([1, 1]);
});

describe("many events", () => {
  const ended: EventEnd = {
    ...{ requestId: newId(), outcome: "ok", startedAt: 0, wallMs: 1, cpuMs: 1, noRetry: false },
  };

  test("of one worker do not keep others' waiting", async () => {
    await using own = testBus();
    await using scheduler = await results(own.bus);
    const [flood, other] = [newId<"worker">(), newId<"worker">()];
    const open = Promise.withResolvers<void>();
    let running = 0;
    let most = 0;
    await using _consumer = new ScheduledConsumer({
      ...{ bus: own.bus, report: () => {}, concurrency: 6, perWorker: 4, capacity: 20 },
      dispatch: {
        async scheduled({ workerId }) {
          if (workerId !== flood) return ended;
          running += 1;
          most = Math.max(most, running);
          await open.promise;
          running -= 1;
          return ended;
        },
      },
    });
    const floods = Array.from({ length: 100 }, () => eventOf(flood));
    for (const event of floods) await publish(own.bus, event);
    while (running < 4) await Bun.sleep(1);
    const others = Array.from({ length: 20 }, () => eventOf(other));
    for (const event of others) await publish(own.bus, event);
    for (const event of others) expect((await scheduler.of(event)).outcome).toBe("ok");
    expect(scheduler.told).toHaveLength(20);
    open.resolve();
    for (const event of floods) await scheduler.of(event);
    expect(most).toBe(4);
    // What was given back had not begun.
    expect(scheduler.told.filter(({ redelivered }) => redelivered)).toEqual([]);
  });

  test("that are due at once have all begun before it is told how any of them ended", async () => {
    await using own = testBus();
    await using scheduler = await results(own.bus);
    const scheduledTime = Math.ceil(Date.now() / 1_000) * 1_000 + 2_000;
    const events = Array.from({ length: 300 }, () => eventOf(newId(), { scheduledTime }));
    let begun = 0;
    let earliest = Number.POSITIVE_INFINITY;
    const begunWhenTold = new Set<number>();
    const watched: Bus = new Proxy(own.bus, {
      get(bus, name) {
        if (name !== "publish") return Reflect.get(bus, name, bus).bind(bus);
        const publish: Bus["publish"] = (...given) => {
          begunWhenTold.add(begun);
          return bus.publish(...given);
        };
        return publish;
      },
    });
    await using _consumer = new ScheduledConsumer({
      ...{ bus: watched, report: () => {}, concurrency: 300 },
      dispatch: {
        async scheduled() {
          earliest = Math.min(earliest, Date.now());
          begun += 1;
          return ended;
        },
      },
    });
    await Promise.all(events.map((event) => publish(own.bus, event)));
    for (const event of events) expect((await scheduler.of(event)).outcome).toBe("ok");
    expect(earliest).toBeGreaterThanOrEqual(scheduledTime);
    expect([...begunWhenTold]).toEqual([events.length]);
  });

  test("that ended in a runner which stopped before it could tell run once more, and say so", async () => {
    await using own = testBus();
    await using scheduler = await results(own.bus);
    const away = new OpenWorkersError("BUS_UNAVAILABLE", "The bus is away.");
    const mute: Bus = new Proxy(own.bus, {
      get(bus, name) {
        return name === "publish" ? () => Promise.reject(away) : Reflect.get(bus, name, bus).bind(bus);
      },
    });
    const runs = new Map<string, number>();
    const dispatch = {
      async scheduled({ workerId }: ScheduledRun) {
        runs.set(workerId, (runs.get(workerId) ?? 0) + 1);
        return ended;
      },
    };
    const events = Array.from({ length: 300 }, () => eventOf(newId()));
    {
      await using _mute = new ScheduledConsumer({ bus: mute, report: () => {}, dispatch });
      for (const event of events) await publish(own.bus, event);
      while (runs.size < events.length) await Bun.sleep(1);
    }
    expect(scheduler.told).toEqual([]);
    await using _other = new ScheduledConsumer({ bus: own.bus, report: () => {}, dispatch });
    for (const event of events) expect(await scheduler.of(event)).toMatchObject({ redelivered: true });
    await scheduler.settled();
    expect(scheduler.told).toHaveLength(events.length);
    expect([...new Set(runs.values())]).toEqual([2]);
  });

  test("that are short run one after another, and are not given back to make room", async () => {
    await using own = testBus();
    await using scheduler = await results(own.bus);
    const deliveries = new Set<number>();
    const counting: Bus = new Proxy(own.bus, {
      get(bus, name) {
        if (name !== "consume") return Reflect.get(bus, name, bus).bind(bus);
        const consume: Bus["consume"] = (consumer, handle) =>
          bus.consume(consumer, (message) => {
            deliveries.add(message.deliveries);
            return handle(message);
          });
        return consume;
      },
    });
    await using _consumer = new ScheduledConsumer({
      ...{ bus: counting, report: () => {}, concurrency: 6, perWorker: 4, capacity: 20 },
      dispatch: { scheduled: async () => ended },
    });
    const worker = newId<"worker">();
    const events = Array.from({ length: 500 }, () => eventOf(worker));
    await Promise.all(events.map((event) => publish(own.bus, event)));
    for (const event of events) await scheduler.of(event);
    expect([...deliveries]).toEqual([1]);
  });

  test("run once each though their acknowledgements are lost", async () => {
    await using own = testBus();
    await using scheduler = await results(own.bus);
    let runs = 0;
    let lost = 0;
    // The bus as it is, except that the first acknowledgement of each message gets lost.
    const forgetful: Bus = new Proxy(own.bus, {
      get(bus, name) {
        if (name !== "consume") return Reflect.get(bus, name, bus).bind(bus);
        const consume: Bus["consume"] = (consumer, handle) =>
          bus.consume({ ...consumer, backoffMs: [1] }, (message) =>
            handle({
              ...message,
              working: () => message.working(),
              retry: (delayMs) => message.retry(delayMs),
              drop: () => message.drop(),
              async ack() {
                if (message.deliveries > 1) return await message.ack();
                lost += 1;
                throw new Error("The acknowledgement was lost.");
              },
            }),
          );
        return consume;
      },
    });
    await using _consumer = new ScheduledConsumer({
      ...{ bus: forgetful, report: () => {} },
      dispatch: {
        async scheduled() {
          runs += 1;
          return ended;
        },
      },
    });
    const events = Array.from({ length: 10 }, () => eventOf(newId()));
    for (const event of events) await publish(own.bus, event);
    for (const event of events) await scheduler.of(event);
    await scheduler.settled();
    expect([runs, lost, scheduler.told.length]).toEqual([10, 10, 10]);
  });
});
