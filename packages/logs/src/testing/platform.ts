import type { Bus } from "@openworkers/bus";
import { startTestNats, type TestNats } from "@openworkers/bus/testing";
import {
  encodeLogBatch,
  type LogBatch,
  type LogRecord,
  logSubject,
  newId,
  type UserId,
  type WorkerId,
} from "@openworkers/core";
import { createLogToken, type Database, ensureOperator, type LogScope } from "@openworkers/db";
import { withTestDatabase } from "@openworkers/db/testing";
import { createLogsService, type LogsService, type LogsServiceOptions } from "../service.ts";
import { readLogsSettings } from "../settings.ts";
import { batchOf, type TestWorker, testWorker } from "./records.ts";

/** A NATS server, a database, and logs services between them. */
export interface TestLogs extends AsyncDisposable {
  readonly nats: TestNats;
  readonly bus: Bus;
  readonly database: Database;
  readonly databaseUrl: string;
  readonly operator: UserId;
  /** What services reported. */
  readonly reports: string[];
  /** A further service on a bus connection of its own; the caller disposes of it, or the end does. */
  serve(options?: Partial<LogsServiceOptions>): Promise<LogsService>;
  /** A worker with a row in the database. */
  worker(name: string, owner?: UserId): Promise<TestWorker>;
  token(scope?: LogScope, expiresAt?: Date): Promise<string>;
  publish(workerId: WorkerId, records: readonly LogRecord[]): Promise<LogBatch>;
  /** Resolves when the writers have stored and acknowledged all that was published. */
  settled(): Promise<void>;
}

export async function startTestLogs(): Promise<TestLogs> {
  await using parts = new AsyncDisposableStack();
  const { database, url } = parts.use(await withTestDatabase());
  const nats = parts.use(await startTestNats());
  const bus = await nats.connect();
  const reports: string[] = [];
  const report = (message: string, details: Record<string, unknown>) =>
    void reports.push(`${message} ${JSON.stringify(details)}`);
  const operator = (await ensureOperator(database)).id;
  const services = parts.use(new AsyncDisposableStack());
  const all = parts.move();
  return {
    nats,
    bus,
    database,
    databaseUrl: url,
    operator,
    reports,
    async serve(options = {}) {
      return services.use(
        await createLogsService({
          database,
          bus: await nats.connect(),
          ports: [0],
          settings: readLogsSettings({}),
          report,
          heartbeatMs: 50,
          ...options,
        }),
      );
    },
    async worker(name, owner = operator) {
      const worker = testWorker(name);
      await database.write((transaction) =>
        transaction.insertInto("workers").values({ id: worker.workerId, name, owner_id: owner }).execute(),
      );
      return worker;
    },
    token: (scope = { kind: "all" }, expiresAt = new Date(Date.now() + 3_600_000)) =>
      createLogToken(database, { scope, expiresAt, by: operator }),
    async publish(workerId, records) {
      const batch = batchOf(records);
      await bus.publish(logSubject(workerId), encodeLogBatch(batch), { id: batch.batchId });
      return batch;
    },
    async settled() {
      for (;;) {
        const { lastSeq } = await bus.streamState("OW_LOGS");
        const consumer = await bus.consumerState("OW_LOGS", "logs-writer");
        if (consumer !== undefined && consumer.floor >= lastSeq) return;
        await Bun.sleep(10);
      }
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** A user other than the operator. */
export async function testUser(database: Database, name: string): Promise<UserId> {
  const id = newId<"user">();
  await database.write((transaction) => transaction.insertInto("users").values({ id, name }).execute());
  return id;
}
