import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectNats } from "@openworkers/bus";
import { startTestNats } from "@openworkers/bus/testing";
import { newId } from "@openworkers/core";
import { connect, type Database, migrate, startEmbeddedPostgres } from "@openworkers/db";
import { type EventDispatch, type EventEnd, ScheduledConsumer, type ScheduledRun } from "@openworkers/runner";
import { sql } from "kysely";
import { distribution, type Row } from "../report.ts";
import { percentile } from "../stats.ts";

const crons = 10_000;
/** Until the second at which they are due, for what the round before left to do. */
const leadMs = 15_000;

/**
 * How late crons begin: a scheduler in a process of its own, a PostgreSQL that writes to disk, a nats-server, and a
 * runner's consumer without cells, which is how long a run would have waited before its cell is asked for. All clocks are this machine's.
 */
export async function measureCrons({ rounds }: { readonly rounds: number }): Promise<Row[]> {
  await using parts = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "ow-bench-crons-"));
  parts.defer(() => rm(directory, { recursive: true, force: true }));
  const server = parts.use(await startEmbeddedPostgres({ dataDir: join(directory, "pg") }));
  const nats = parts.use(await startTestNats());
  const database = parts.use(connect(server.url));
  await migrate(database);
  const bus = parts.use(await connectNats({ servers: nats.servers, report: () => {} }));
  const runs = new Runs();
  parts.use(new ScheduledConsumer({ bus, dispatch: runs, report: () => {}, concurrency: crons }));
  await makeCrons(database);
  const program = join(import.meta.dir, "../crons/scheduler.ts");
  const child = Bun.spawn([process.execPath, program, server.url, nats.servers[0] ?? ""], {
    stdout: "pipe",
    stderr: "inherit",
  });
  parts.defer(async () => {
    child.kill("SIGKILL");
    await child.exited;
  });
  await child.stdout.getReader().read();
  const atOnce: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const due = Math.ceil((Date.now() + leadMs) / 1_000) * 1_000;
    await makeDue(database, sql`${new Date(due)}::timestamptz`);
    atOnce.push(...(await runs.lateness(crons)));
  }
  const due = Math.ceil((Date.now() + leadMs) / 1_000) * 1_000;
  await makeDue(database, sql`${new Date(due)}::timestamptz + number % 30 * interval '1 s'`);
  const spread = await runs.lateness(crons);
  const budget = { budget: "≤ 250 ms p99" };
  return [
    {
      what: `lateness of ${crons} crons due at one second`,
      value: distribution(atOnce, "ms"),
      ...budget,
      ok: percentile(atOnce, 0.99) <= 250,
    },
    {
      what: `lateness of ${crons} crons due within 30 s`,
      value: distribution(spread, "ms"),
      ...budget,
      ok: percentile(spread, 0.99) <= 250,
    },
  ];
}

/** A hundred workers with a hundred crons each, no two expressions of a worker the same. */
async function makeCrons({ kysely }: Database): Promise<void> {
  await sql`insert into users (id, name) values (gen_random_uuid(), 'bench')`.execute(kysely);
  await sql`
    insert into workers (id, name, owner_id)
    select gen_random_uuid(), 'bench-' || number, (select id from users where name = 'bench')
    from generate_series(1, 100) as number
  `.execute(kysely);
  await sql`
    insert into crons (id, worker_id, expression, timezone, source, retries, retry_delay_ms, late, late_cap, overlap, wall_ms)
    select gen_random_uuid(), id, number % 60 || ' ' || number / 60 || ' * * *',
      case number % 2 when 0 then 'UTC' else 'Europe/Berlin' end, 'user', 0, 1000, 'once', 1, 'allow', 30000
    from workers, generate_series(0, 99) as number
  `.execute(kysely);
}

/** All at the time that `due` is for the cron's `number`. */
async function makeDue({ kysely }: Database, due: ReturnType<typeof sql>): Promise<void> {
  await sql`
    update crons set next_due = ${due}
    from (select id, row_number() over () as number from crons) as numbered
    where crons.id = numbered.id
  `.execute(kysely);
}

/** What runners do with due crons, but for the cells: how long after its time each would have begun. */
class Runs implements Pick<EventDispatch, "scheduled"> {
  #lateness: number[] = [];
  #grown = Promise.withResolvers<void>();

  async scheduled({ scheduledTime }: ScheduledRun): Promise<EventEnd> {
    const startedAt = Date.now();
    this.#lateness.push(startedAt - scheduledTime);
    this.#grown.resolve();
    this.#grown = Promise.withResolvers();
    return { requestId: newId(), outcome: "ok", startedAt, wallMs: 1, cpuMs: 1, noRetry: false };
  }

  /** Of the next `count`, in milliseconds. */
  async lateness(count: number): Promise<number[]> {
    while (this.#lateness.length < count) await this.#grown.promise;
    return this.#lateness.splice(0);
  }
}
