import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { Bus, StoredMessage, StreamDefinition } from "../bus.ts";
import { code, on, Seen, testConsumer, testStream, until } from "../testing/contract-rig.ts";
import { startTestCluster, startTestNats } from "../testing/nats.ts";
import { bytes, text } from "../testing/text.ts";
import { NatsBus } from "./nats-bus.ts";

setDefaultTimeout(120_000);

/** Publishes one message after the other until told to stop; resolves to the ids that are known to be stored. */
function publishing(bus: Bus, stream: StreamDefinition, pauseMs = 0) {
  const end = new AbortController();
  const stored = new Seen<string>();
  const done = (async () => {
    for (let at = 0; !end.signal.aborted; at++) {
      await bus.publish(on(stream, `s${at % 4}`), bytes(`${at}`), { id: `${at}`, timeoutMs: 60_000 });
      stored.add(`${at}`);
      if (pauseMs > 0) await Bun.sleep(pauseMs);
    }
  })();
  return {
    stored,
    async stop() {
      end.abort();
      await done;
      return stored.all;
    },
  };
}

function following(bus: Bus, stream: StreamDefinition) {
  const end = new AbortController();
  const seen = new Seen<StoredMessage>();
  const done = (async () => {
    const options = { stream: stream.name, subject: stream.subject, after: 0, signal: end.signal };
    for await (const message of bus.follow(options)) seen.add(message);
  })();
  return {
    seen,
    async stop() {
      end.abort();
      await done;
    },
  };
}

/** Whether each node has everything of the streams. */
async function isWhole(servers: readonly string[], streams: readonly string[]): Promise<boolean> {
  await using connection = await connect({ servers: [...servers] });
  const manager = await jetstreamManager(connection, { checkAPI: false, timeout: 1_000 });
  const infos = await Promise.all(streams.map((name) => manager.streams.info(name).catch(() => undefined)));
  return infos.every((info) => {
    const replicas = info?.cluster?.replicas ?? [];
    return (
      info?.cluster?.leader !== undefined && replicas.length === 2 && replicas.every(({ current }) => current)
    );
  });
}

describe("when nats-server is killed and started again", () => {
  test("publishers, consumers and followers go on, and nothing is lost or twice", async () => {
    await using nats = await startTestNats();
    const [bus, other] = [await nats.connect(), await nats.connect()];
    const [work, log] = [testStream({ retention: "work" }), testStream()];
    for (const stream of [work, log]) await bus.declare(stream);
    const handled = new Map<string, number>();
    const consumer = testConsumer(work, { ackWaitMs: 1_000 });
    await other.consume(consumer, async (message) => {
      await message.ack();
      handled.set(message.id, (handled.get(message.id) ?? 0) + 1);
    });
    const follower = following(other, log);
    const [worker, logger] = [publishing(bus, work), publishing(bus, log)];
    for (let round = 1; round <= 3; round++) {
      await Promise.all([worker.stored.atLeast(100 * round), logger.stored.atLeast(100 * round)]);
      await nats.nodes[0]?.restart();
    }
    const [worked, logged] = await Promise.all([worker.stop(), logger.stop()]);
    await until(() => handled.size === worked.length);
    // Asked of the consumer: a nats-server 2.9.10 that was killed may keep what was acknowledged, and deliver it to nobody.
    await until(async () => {
      const { pending, unacknowledged } = (await bus.consumerState(work.name, consumer.name)) ?? {};
      return pending === 0 && unacknowledged === 0;
    });
    await follower.seen.atLeast(logged.length);
    // Their order is that of the positions, without a gap: what was published twice is stored once.
    expect(follower.seen.all.map(({ id }) => id)).toEqual([...logged]);
    expect(follower.seen.all.map(({ seq }) => seq)).toEqual(logged.map((_, at) => at + 1));
    await follower.stop();
    // An acknowledgement that was not known to have arrived is given again: more than once is possible, never is not.
    expect([...handled.keys()].sort()).toEqual([...worked].sort());
    expect(bus.stats()).toMatchObject({ connected: true, reconnects: 3, failed: 0 });
    expect(bus.stats().published).toBe(worked.length + logged.length);
  });

  test("a publication gives up in time, and the same again is stored once", async () => {
    await using nats = await startTestNats();
    const bus = await nats.connect();
    const stream = testStream();
    await bus.declare(stream);
    await nats.nodes[0]?.kill();
    const attempt = (timeoutMs: number) =>
      bus.publish(on(stream, "a"), bytes("x"), { id: "same", timeoutMs });
    expect(await code(attempt(300))).toBe("BUS_UNAVAILABLE");
    expect(await code(bus.request("nobody", bytes(""), { timeoutMs: 300 }))).toBe("BUS_UNAVAILABLE");
    expect(bus.stats()).toMatchObject({ connected: false, failed: 1 });
    const patient = [attempt(60_000), attempt(60_000)];
    await nats.nodes[0]?.start();
    expect((await Promise.all(patient)).filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect((await bus.streamState(stream.name)).messages).toBe(1);
  });

  test("what a killed process was handling is delivered again", async () => {
    await using nats = await startTestNats();
    const bus = await nats.connect();
    const stream = testStream({ retention: "work" });
    await bus.declare(stream);
    const first = new Seen<string>();
    await bus.consume(testConsumer(stream, { ackWaitMs: 500 }), async (message) => {
      first.add(message.id);
      if (message.deliveries === 1) await nats.nodes[0]?.restart();
      throw new Error("the acknowledgement is not even tried");
    });
    await bus.publish(on(stream, "a"), bytes("x"), { id: "1" });
    await first.atLeast(2);
  });

  test("who answers requests still does", async () => {
    await using nats = await startTestNats();
    const [bus, other] = [await nats.connect(), await nats.connect()];
    await using _ = await other.respond("ask", "group", async (payload) => bytes(`heard ${text(payload)}`));
    await nats.nodes[0]?.restart();
    await until(() => bus.stats().connected && other.stats().connected);
    expect(text(await bus.request("ask", bytes("you"), { timeoutMs: 5_000 }))).toBe("heard you");
  });

  test("who could not be told to answer requests does not answer them when the server is back", async () => {
    await using nats = await startTestNats();
    const [bus, other] = [await nats.connect(), await nats.connect()];
    await nats.nodes[0]?.kill();
    await until(() => !other.stats().connected);
    const answer = async () => bytes("still here");
    expect(await code(other.respond("ask", "group", answer))).toBe("BUS_UNAVAILABLE");
    await nats.nodes[0]?.start();
    await until(() => bus.stats().connected && other.stats().connected);
    // It is answered on the connection on which the subscription would have come back, and so after it.
    await using _ = await other.respond("here", "group", answer);
    expect(text(await bus.request("here", bytes(""), { timeoutMs: 5_000 }))).toBe("still here");
    expect(await code(bus.request("ask", bytes(""), { timeoutMs: 5_000 }))).toBe("NOT_FOUND");
  });

  test("a bus can be closed while no server is there", async () => {
    await using nats = await startTestNats();
    const bus = await nats.connect();
    const stream = testStream({ retention: "work" });
    await bus.declare(stream);
    const seen = new Seen<string>();
    const { promise, resolve } = Promise.withResolvers<void>();
    await bus.consume(testConsumer(stream), async (message) => {
      seen.add(message.id);
      await promise;
    });
    const follower = following(bus, stream);
    await bus.publish(on(stream, "a"), bytes("x"), { id: "1" });
    await seen.atLeast(1);
    await nats.nodes[0]?.kill();
    await until(() => !bus.stats().connected);
    const publication = code(bus.publish(on(stream, "a"), bytes("x"), { id: "2", timeoutMs: 60_000 }));
    const closing = bus[Symbol.asyncDispose]();
    resolve();
    await closing;
    expect(await publication).toBe("BUS_UNAVAILABLE");
    await follower.stop();
  });

  test("a server that lost its disk is given the streams and consumers again", async () => {
    await using nats = await startTestNats();
    const bus = await nats.connect();
    const stream = testStream({ retention: "work" });
    await bus.declare(stream);
    const seen = new Seen<string>();
    await bus.consume(testConsumer(stream), async (message) => seen.add(message.id));
    await bus.publish(on(stream, "a"), bytes("x"), { id: "1" });
    await seen.atLeast(1);
    const [node] = nats.nodes;
    await node?.kill();
    Bun.spawnSync(["rm", "-rf", `${node?.directory}/jetstream`]);
    await node?.start();
    await bus.publish(on(stream, "a"), bytes("x"), { id: "2", timeoutMs: 30_000 });
    await seen.atLeast(2);
    expect(seen.all).toEqual(["1", "2"]);
  });
});

describe("when a node of a cluster is killed", () => {
  test("publishers, consumers and followers go on with the others, and with it once it is back", async () => {
    await using nats = await startTestCluster(3);
    const [bus, other] = [await nats.connect(), await nats.connect()];
    const [work, log] = [testStream({ retention: "work" }), testStream()];
    for (const stream of [work, log]) await bus.declare(stream);
    const handled = new Set<string>();
    await other.consume(testConsumer(work, { ackWaitMs: 2_000 }), async (message) => {
      await message.ack();
      handled.add(message.id);
    });
    const follower = following(other, log);
    // A flood would have each node catch up for longer than the others need to elect a leader.
    const [worker, logger] = [publishing(bus, work, 5), publishing(bus, log, 5)];
    for (const [round, node] of nats.nodes.slice(0, 1).entries()) {
      await Promise.all([worker.stored.atLeast(100 * (round + 1)), logger.stored.atLeast(100 * (round + 1))]);
      await node.kill();
      // Two of three are a quorum: everybody goes on before the third is back.
      const so = [worker.stored.all.length, logger.stored.all.length, follower.seen.all.length] as const;
      await Promise.all([
        worker.stored.atLeast(so[0] + 50),
        logger.stored.atLeast(so[1] + 50),
        follower.seen.atLeast(so[2] + 50),
      ]);
      await node.start();
      // As docs/bus.md has it: the next one only once this one has caught up, or nobody would be left who has everything.
      await until(() => isWhole(nats.servers, [work.name, log.name]));
    }
    const [worked, logged] = await Promise.all([worker.stop(), logger.stop()]);
    await until(() => handled.size === worked.length);
    await follower.seen.atLeast(logged.length);
    expect(follower.seen.all.map(({ id }) => id)).toEqual([...logged]);
    await follower.stop();
    await until(async () => (await bus.streamState(work.name)).messages === 0);
    // nats-server 2.9 takes up to half a minute for some elections on a busy machine.
  }, 300_000);
});

describe("a cluster that lacks a node for a stream's replicas", () => {
  const addWith3 = async (manager: JetStreamManager) => {
    const { name, subject } = testStream();
    return manager.streams.add({ name, subjects: [subject], num_replicas: 3 }).catch(String);
  };

  test("is waited for: a stream is declared once the last node is up", async () => {
    await using nats = await startTestCluster(3);
    const bus = await nats.connect();
    const [last, ...others] = [...nats.nodes].reverse();
    await last?.kill("SIGTERM");
    await using connection = await connect({ servers: others.map(({ server }) => server) });
    const manager = await jetstreamManager(connection, { checkAPI: false });
    // An election may be under way first.
    await until(async () => /no suitable peers/.test(String(await addWith3(manager))));
    const stream = testStream();
    const declaring = bus.declare(stream);
    await last?.start();
    await declaring;
    expect(await bus.publish(on(stream, "a"), bytes("x"), { id: "1" })).toMatchObject({ seq: 1 });
  });

  test("is a mistake of the operator's when it goes on lacking one", async () => {
    await using nats = await startTestCluster(3);
    const [last, ...others] = nats.nodes;
    await last?.kill("SIGTERM");
    const connection = await connect({ servers: others.map(({ server }) => server) });
    const manager = await jetstreamManager(connection, { checkAPI: false });
    await using bus = new NatsBus(connection, manager, { replicas: 3, report: () => {}, formingMs: 1_000 });
    await until(async () => /no suitable peers/.test(String(await addWith3(manager))));
    const thrown = await bus.declare(testStream()).catch((error) => error);
    expect(thrown).toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("no suitable peers"),
      hint: expect.stringContaining("OW_BUS_REPLICAS"),
    });
  });
});

describe("a consumer that somebody removes", () => {
  test("is not made again for those who are about to end, and is for those who go on", async () => {
    await using nats = await startTestNats();
    await using bus = await nats.connect();
    const stream = testStream({ retention: "work" });
    await bus.declare(stream);
    const seen = new Seen<string>();
    const consumption = await bus.consume(testConsumer(stream), async ({ id }) => seen.add(id));
    await bus.publish(on(stream, "a"), bytes("before"), { id: "before" });
    await seen.atLeast(1);
    await bus.removeConsumer(stream.name, "consumer");
    // Four times what is waited for after any other trouble.
    for (const until = Date.now() + 1_000; Date.now() < until; await Bun.sleep(50)) {
      expect(await bus.consumerState(stream.name, "consumer")).toBeUndefined();
    }
    await bus.publish(on(stream, "a"), bytes("after"), { id: "after" });
    await seen.atLeast(2);
    await consumption[Symbol.asyncDispose]();
  });
});
