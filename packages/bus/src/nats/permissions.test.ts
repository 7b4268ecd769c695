import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { scheduledConsumer, scheduledResultsConsumer, streams } from "@openworkers/core";
import type { Bus } from "../bus.ts";
import { natsFromEnvironment } from "../environment.ts";
import { code, Seen } from "../testing/contract-rig.ts";
import { startTestNats, type TestNats } from "../testing/nats.ts";
import { bytes } from "../testing/text.ts";
import { connectNats } from "./connect.ts";

setDefaultTimeout(60_000);

// What deploy/compose.yml and deploy/kubernetes give to nats-server.
const permissions = join(import.meta.dir, "../../../../deploy/nats/permissions.conf");
const passwords = { runner: "p-runner", scheduler: "p-scheduler", logs: "p-logs" };
type User = keyof typeof passwords;

let nats: TestNats;
beforeAll(async () => {
  nats = await startGuarded();
});
afterAll(async () => {
  await nats?.[Symbol.asyncDispose]();
});

async function startGuarded(): Promise<TestNats> {
  const env = Object.entries(passwords).map(([user, password]) => [
    `NATS_${user.toUpperCase()}_PASSWORD`,
    password,
  ]);
  return await startTestNats(await Bun.file(permissions).text(), Object.fromEntries(env));
}

const environmentOf = (user: User) => ({
  NATS_URL: nats.servers.join(),
  NATS_USER: user,
  NATS_PASSWORD: passwords[user],
});

async function busOf(user: User): Promise<Bus> {
  return await nats.connect({ replicas: 1, ...natsFromEnvironment(environmentOf(user)) });
}

/** A client that asks for what our own never does. */
async function rawAs(user: User): Promise<NatsConnection & AsyncDisposable> {
  return await connect({
    servers: [...nats.servers],
    user,
    pass: passwords[user],
    inboxPrefix: `_INBOX_${user}`,
    ignoreAuthErrorAbort: true,
  });
}

const refused = async (connection: NatsConnection, subject: string, payload = "{}") =>
  await connection.request(subject, payload, { timeout: 2_000 }).then(
    (answer) => `answered: ${answer.string()}`,
    (thrown: Error) => (thrown.cause instanceof Error ? thrown.cause.name : thrown.name),
  );

const consumer = (stream: string, name: string, subject: string) => ({
  stream,
  name,
  subject,
  inFlight: 4,
  maxUnacknowledged: 100,
  ackWaitMs: 30_000,
  backoffMs: [],
});

async function declareAll(): Promise<{ runner: Bus; scheduler: Bus; logs: Bus }> {
  const [runner, scheduler, logs] = [await busOf("runner"), await busOf("scheduler"), await busOf("logs")];
  await logs.declare(streams.logs);
  for (const stream of [streams.scheduled, streams.scheduledResults, streams.queues]) {
    await scheduler.declare(stream);
  }
  // It may not make them, and does not have to.
  for (const stream of Object.values(streams)) await runner.declare(stream);
  return { runner, scheduler, logs };
}

test("each service can do all that it does", async () => {
  const { runner, scheduler, logs } = await declareAll();
  await runner.publish("ow.logs.w", bytes("line"), { id: "log" });
  const stored = new Seen<string>();
  await logs.consume(consumer("OW_LOGS", "logs", "ow.logs.>"), async ({ id }) => stored.add(id));
  await stored.atLeast(1);
  expect(await logs.streamState("OW_LOGS")).toMatchObject({ lastSeq: 1 });
  expect(await logs.consumerState("OW_LOGS", "logs")).toMatchObject({ pending: 0 });
  const signal = AbortSignal.timeout(20_000);
  for await (const { id } of logs.follow({ stream: "OW_LOGS", subject: "ow.logs.w", after: 0, signal })) {
    expect(id).toBe("log");
    break;
  }

  await scheduler.publish("ow.scheduled.w", bytes("due"), { id: "due" });
  const ran = new Seen<string>();
  await runner.consume(consumer("OW_SCHEDULED", scheduledConsumer, "ow.scheduled.>"), async (message) => {
    message.working();
    await runner.publish("ow.scheduled-results.w", bytes("ran"), { id: message.id });
    await message.ack();
  });
  const results = consumer("OW_SCHEDULED_RESULTS", scheduledResultsConsumer, "ow.scheduled-results.>");
  await scheduler.consume(results, async ({ id }) => ran.add(id));
  expect(await ran.atLeast(1)).toEqual(["due"]);
  expect(await scheduler.consumerState("OW_SCHEDULED", scheduledConsumer)).toMatchObject({ pending: 0 });
  expect(await scheduler.streamState("OW_SCHEDULED")).toMatchObject({ lastSeq: 1 });

  await scheduler.publish("ow.queues.q", bytes("delayed"), { id: "delayed" });
  await runner.publish("ow.queues.q", bytes("sent"), { id: "sent" });
  const taken = new Seen<string>();
  await using consumption = await runner.consume(
    consumer("OW_QUEUES", "q", "ow.queues.q"),
    async (message) => {
      taken.add(message.id);
      if (message.deliveries === 1) message.retry(0);
    },
  );
  expect([...new Set(await taken.atLeast(4))].sort()).toEqual(["delayed", "sent"]);
  await consumption[Symbol.asyncDispose]();
  await runner.publish("ow.queues.q", bytes("more"), { id: "more" });
  expect(await runner.stored("OW_QUEUES", "ow.queues.q")).toBe(1);
  expect(await runner.consumerState("OW_LOGS", "logs")).toMatchObject({ pending: 0 });
  expect(await runner.consumerState("OW_SCHEDULED_RESULTS", scheduledResultsConsumer)).toBeDefined();
  await runner.publish("ow.queues.dead", bytes("dead"), { id: "dead" });
  const [dead] = await runner.read("OW_QUEUES", "ow.queues.dead", { after: 0, limit: 1 });
  expect(await runner.remove("OW_QUEUES", dead?.seq ?? 0)).toBe(true);
  expect(await runner.purge("OW_QUEUES", "ow.queues.q")).toBe(1);
  await runner.removeConsumer("OW_QUEUES", "q");

  await using _ = await runner.respond("ow.runners.ask", "one", async (payload) => payload);
  const asked = await (await busOf("runner")).request("ow.runners.ask", bytes("who?"), { timeoutMs: 5_000 });
  expect(asked).toEqual(bytes("who?"));
});

test("what runners tell each other, no other service asks or hears", async () => {
  for (const user of ["scheduler", "logs"] as const) {
    await using raw = await rawAs(user);
    const { promise, resolve } = Promise.withResolvers<string>();
    raw.subscribe("ow.runners.>", { callback: (error) => resolve(error === null ? "heard" : error.name) });
    expect([user, await promise]).toEqual([user, "PermissionViolationError"]);
    expect([user, await refused(raw, "ow.runners.ask")]).toEqual([user, "PermissionViolationError"]);
  }
});

test("a runner reads no log, whichever way it asks", async () => {
  const { runner } = await declareAll();
  await runner.publish("ow.logs.w", bytes("secret"), { id: "secret" });
  const reader = consumer("OW_LOGS", "thief", "ow.logs.>");
  expect(await code(runner.consume(reader, async () => {}))).toBe("CONFIG_INVALID");
  await using raw = await rawAs("runner");
  for (const subject of [
    "$JS.API.STREAM.MSG.GET.OW_LOGS",
    "$JS.API.STREAM.MSG.DELETE.OW_LOGS",
    "$JS.API.DIRECT.GET.OW_LOGS",
    "$JS.API.CONSUMER.CREATE.OW_LOGS",
    "$JS.API.CONSUMER.CREATE.OW_LOGS.thief.ow.logs.>",
    "$JS.API.CONSUMER.DURABLE.CREATE.OW_LOGS.thief",
    "$JS.API.CONSUMER.MSG.NEXT.OW_LOGS.logs",
    "$JS.API.STREAM.SNAPSHOT.OW_LOGS",
    "$JS.API.STREAM.UPDATE.OW_LOGS",
    "$JS.API.STREAM.PURGE.OW_LOGS",
    "$JS.API.STREAM.DELETE.OW_LOGS",
    // A stream of its own that copies another's messages.
    "$JS.API.STREAM.CREATE.COPY",
    "$JS.API.STREAM.CREATE.OW_QUEUES",
    "$JS.API.STREAM.UPDATE.OW_QUEUES",
    "$JS.API.STREAM.TEMPLATE.CREATE.COPY",
  ]) {
    expect([subject, await refused(raw, subject)]).toEqual([subject, "PermissionViolationError"]);
  }
  // A consumer of one stream, asked for under the name of another.
  const disguised = JSON.stringify({ stream_name: "OW_LOGS", config: { ack_policy: "none", name: "t" } });
  expect(await refused(raw, "$JS.API.CONSUMER.CREATE.OW_QUEUES.t", disguised)).toContain('"error"');
  for (const subject of ["ow.logs.>", "ow.logs.w", ">", "_INBOX.>", "_INBOX_logs.>", "$JS.EVENT.>"]) {
    const { promise, resolve } = Promise.withResolvers<string>();
    raw.subscribe(subject, { callback: (error) => resolve(error === null ? "heard" : error.name) });
    expect([subject, await promise]).toEqual([subject, "PermissionViolationError"]);
  }
});

test("nobody writes what is another's to write", async () => {
  const { runner, scheduler, logs } = await declareAll();
  const attempts: [User, Bus, string][] = [
    ["runner", runner, "ow.scheduled.w"],
    ["scheduler", scheduler, "ow.logs.w"],
    ["scheduler", scheduler, "ow.scheduled-results.w"],
    ["logs", logs, "ow.logs.w"],
    ["logs", logs, "ow.queues.q"],
    ["logs", logs, "ow.scheduled.w"],
  ];
  for (const [user, bus, subject] of attempts) {
    const attempt = bus.publish(subject, bytes("forged"), { id: "forged" });
    expect([user, subject, await code(attempt)]).toEqual([user, subject, "CONFIG_INVALID"]);
  }
  const results = consumer("OW_SCHEDULED_RESULTS", "thief", "ow.scheduled-results.>");
  expect(await code(runner.consume(results, async () => {}))).toBe("CONFIG_INVALID");
  expect(await code(scheduler.consume(consumer("OW_QUEUES", "thief", "ow.queues.>"), async () => {}))).toBe(
    "CONFIG_INVALID",
  );
});

test("a runner whose streams nobody has made yet says so", async () => {
  await using fresh = await startGuarded();
  const runner = await fresh.connect({
    user: "runner",
    password: passwords.runner,
    inboxPrefix: "_INBOX_runner",
  });
  expect(await runner.declare(streams.logs).catch((thrown) => thrown)).toMatchObject({
    code: "BUS_UNAVAILABLE",
    message: expect.stringContaining("OW_LOGS is not there yet"),
  });
});

test("a wrong password is refused at once, and is not told", async () => {
  const report = () => {};
  const wrong = { ...environmentOf("runner"), NATS_PASSWORD: "a-wrong-password" };
  for (const env of [wrong, { NATS_URL: nats.servers.join() }]) {
    const options = natsFromEnvironment(env);
    if (options === undefined) throw new Error("NATS_URL is set");
    const thrown = await connectNats({ ...options, report }).catch((error) => error);
    expect(thrown).toMatchObject({ code: "CONFIG_INVALID", hint: expect.stringContaining("NATS_PASSWORD") });
    expect(JSON.stringify(thrown)).not.toContain("a-wrong-password");
  }
});
