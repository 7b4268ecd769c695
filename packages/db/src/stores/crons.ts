import {
  type CronId,
  type CronPolicy,
  cronPolicySchema,
  defaultCronPolicy,
  isId,
  maxCronsPerWorker,
  newId,
  OpenWorkersError,
  parseCron,
  type UserId,
  type WorkerId,
} from "@openworkers/core";
import { sql } from "kysely";
import type { Queries, StoreDatabase } from "../database.ts";
import type { CronSource } from "../tables.ts";
import { audit } from "./audit.ts";
import { lockOwnedWorker, workerNamed } from "./workers.ts";

/** A schedule on which a worker is called. */
export interface StoredCron extends CronPolicy {
  readonly id: CronId;
  /** Name of the worker. */
  readonly worker: string;
  /** As it was written: `event.cron`. */
  readonly expression: string;
  readonly timezone: string;
  readonly source: CronSource;
  readonly paused: boolean;
  /** Null while it is paused, or when there is none any more. */
  readonly nextDue: Date | null;
  /** Why it is at rest although it is not paused. */
  readonly problem: string | null;
  readonly createdAt: Date;
}

export interface NewCron {
  readonly worker: string;
  readonly expression: string;
  /** UTC unless given. */
  readonly timezone?: string;
  /** What differs from `defaultCronPolicy`. */
  readonly policy?: Partial<CronPolicy>;
  readonly by: UserId;
}

/** Which cron is meant: by its id, or by its expression, with the time zone where a worker has it in several. */
export interface CronChoice {
  readonly worker: string;
  readonly cron: string;
  readonly timezone?: string;
  readonly by: UserId;
}

/** All crons, or those of one worker, by worker and when they were made. @throws OpenWorkersError NOT_FOUND */
export async function listCrons(database: StoreDatabase, worker?: string): Promise<StoredCron[]> {
  return database.snapshot(async (queries) => {
    const only = worker === undefined ? undefined : await workerNamed(queries, worker);
    return selectCrons(queries)
      .where(({ eb, lit }) => (only === undefined ? lit(true) : eb("crons.worker_id", "=", only)))
      .orderBy("workers.name")
      .orderBy("crons.id")
      .execute();
  });
}

/**
 * Adds a cron to a worker; it is due from now on.
 *
 * @throws OpenWorkersError INVALID_INPUT (expression, time zone, policy), NOT_FOUND, FORBIDDEN, CONFLICT (it has that one
 * already, or too many)
 */
export async function addCron(database: StoreDatabase, wanted: NewCron): Promise<StoredCron> {
  const { worker, expression, timezone = "UTC", by } = wanted;
  const policy = checkPolicy({ ...defaultCronPolicy, ...wanted.policy });
  parseCron(expression, timezone);
  return database.write(async (transaction) => {
    const { id: workerId } = await lockOwnedWorker(transaction, worker, by);
    const id = await insertCron(transaction, { workerId, expression, timezone, source: "user", policy });
    if (id === undefined) {
      throw new OpenWorkersError(
        "CONFLICT",
        `${worker} has the cron "${expression}" (${timezone}) already.`,
        {
          hint: `Change it: ow crons set ${worker} "${expression}"`,
        },
      );
    }
    await checkCount(transaction, workerId, worker);
    await audit(transaction, by, "cron.add", worker, { cron: expression, timezone });
    return cronWithId(transaction, id);
  });
}

export interface CronChange {
  readonly policy?: Partial<CronPolicy>;
  /** A cron that goes on is due from then on; what came meanwhile does not count as missed. */
  readonly paused?: boolean;
}

/** @throws OpenWorkersError INVALID_INPUT, NOT_FOUND, FORBIDDEN */
export async function changeCron(
  database: StoreDatabase,
  choice: CronChoice,
  { policy = {}, paused }: CronChange,
): Promise<StoredCron> {
  return database.write(async (transaction) => {
    const cron = await lockCron(transaction, choice);
    const { retries, retryDelayMs, late, lateCap, overlap, wallMs } = checkPolicy({ ...cron, ...policy });
    const changesPause = paused !== undefined && paused !== cron.paused;
    const next = changesPause ? { paused, next_due: paused ? null : await firstDue(transaction, cron) } : {};
    await transaction
      .updateTable("crons")
      .set({
        retries,
        retry_delay_ms: retryDelayMs,
        late,
        late_cap: lateCap,
        overlap,
        wall_ms: wallMs,
        ...next,
      })
      .where("id", "=", cron.id)
      .execute();
    if (changesPause && paused) await skipWaiting(transaction, cron.id, "paused");
    const action = changesPause ? (paused ? "cron.pause" : "cron.resume") : "cron.change";
    await audit(transaction, choice.by, action, choice.worker, { cron: cron.expression, ...policy });
    return cronWithId(transaction, cron.id);
  });
}

/** Removes a cron; what has run stays in the worker's history. @throws OpenWorkersError NOT_FOUND, FORBIDDEN */
export async function removeCron(database: StoreDatabase, choice: CronChoice): Promise<StoredCron> {
  return database.write(async (transaction) => {
    const cron = await lockCron(transaction, choice);
    await deleteCron(transaction, cron.id);
    await audit(transaction, choice.by, "cron.remove", choice.worker, { cron: cron.expression });
    return cron;
  });
}

/** As `replaceManifestCrons`, without a deploy. @throws OpenWorkersError INVALID_INPUT, NOT_FOUND, FORBIDDEN, CONFLICT (too many) */
export async function setManifestCrons(
  database: StoreDatabase,
  {
    worker,
    expressions,
    by,
  }: { readonly worker: string; readonly expressions: readonly string[]; readonly by: UserId },
): Promise<void> {
  await database.write(async (transaction) => {
    const { id } = await lockOwnedWorker(transaction, worker, by);
    await replaceManifestCrons(transaction, { id, name: worker }, expressions);
    await audit(transaction, by, "cron.replace", worker, { crons: expressions });
  });
}

/**
 * Makes the manifest's crons those of `expressions`: new ones are added, missing ones removed, and the others stay as they
 * are, with their policy, pause and history. A user's crons stay; one that the manifest names as well is the manifest's from
 * then on.
 */
export async function replaceManifestCrons(
  transaction: Queries,
  worker: { readonly id: WorkerId; readonly name: string },
  expressions: readonly string[],
): Promise<void> {
  for (const expression of expressions) parseCron(expression);
  const gone = await transaction
    .selectFrom("crons")
    .select("id")
    .where("worker_id", "=", worker.id)
    .where("source", "=", "manifest")
    .where(({ eb, not, lit }) =>
      expressions.length === 0 ? lit(true) : not(eb("expression", "in", expressions)),
    )
    .forUpdate()
    .execute();
  for (const { id } of gone) await deleteCron(transaction, id);
  for (const expression of new Set(expressions)) {
    const made = { workerId: worker.id, expression, timezone: "UTC", source: "manifest" as const };
    if ((await insertCron(transaction, { ...made, policy: defaultCronPolicy })) !== undefined) continue;
    await transaction
      .updateTable("crons")
      .set({ source: "manifest" })
      .where("worker_id", "=", worker.id)
      .where("expression", "=", expression)
      .where("timezone", "=", "UTC")
      .execute();
  }
  await checkCount(transaction, worker.id, worker.name);
}

/** The cron, locked until the transaction ends. @throws OpenWorkersError NOT_FOUND, FORBIDDEN, CONFLICT when several are meant */
export async function lockCron(transaction: Queries, choice: CronChoice): Promise<StoredCron> {
  const { worker, cron, timezone, by } = choice;
  const { id: workerId } = await lockOwnedWorker(transaction, worker, by);
  const found = await selectCrons(transaction)
    .where("crons.worker_id", "=", workerId)
    .where(({ eb }) => (isId<"cron">(cron) ? eb("crons.id", "=", cron) : eb("crons.expression", "=", cron)))
    .where(({ eb, lit }) => (timezone === undefined ? lit(true) : eb("crons.timezone", "=", timezone)))
    .orderBy("crons.id")
    .forUpdate("crons")
    .execute();
  const [only, another] = found;
  if (only === undefined) {
    throw new OpenWorkersError("NOT_FOUND", `${worker} has no cron "${cron}".`, {
      hint: `List them: ow crons list ${worker}`,
    });
  }
  if (another === undefined) return only;
  throw new OpenWorkersError("CONFLICT", `${worker} has "${cron}" in several time zones.`, {
    hint: `Say which: --timezone ${found.map((each) => each.timezone).join(" or --timezone ")}`,
  });
}

interface InsertedCron {
  readonly workerId: WorkerId;
  readonly expression: string;
  readonly timezone: string;
  readonly source: CronSource;
  readonly policy: CronPolicy;
}

/** Undefined when it is there already. */
async function insertCron(transaction: Queries, cron: InsertedCron): Promise<CronId | undefined> {
  const { workerId, expression, timezone, source, policy } = cron;
  const { retries, retryDelayMs, late, lateCap, overlap, wallMs } = policy;
  const made = await transaction
    .insertInto("crons")
    .values({
      id: newId<"cron">(),
      worker_id: workerId,
      expression,
      timezone,
      source,
      retries,
      retry_delay_ms: retryDelayMs,
      late,
      late_cap: lateCap,
      overlap,
      wall_ms: wallMs,
      next_due: await firstDue(transaction, cron),
    })
    .onConflict((conflict) => conflict.columns(["worker_id", "expression", "timezone"]).doNothing())
    .returning("id")
    .executeTakeFirst();
  return made?.id;
}

/** By PostgreSQL's clock, which is the one that schedulers go by. */
async function firstDue(
  queries: Queries,
  { expression, timezone }: { readonly expression: string; readonly timezone: string },
): Promise<Date | null> {
  const next = parseCron(expression, timezone).next(await databaseTime(queries));
  return next === undefined ? null : new Date(next);
}

/** Now, by PostgreSQL's clock, in Unix milliseconds. */
export async function databaseTime(queries: Queries): Promise<number> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(queries);
  return rows[0]?.now.getTime() ?? Number.NaN;
}

async function deleteCron(transaction: Queries, id: CronId): Promise<void> {
  await skipWaiting(transaction, id, "removed");
  await transaction.deleteFrom("crons").where("id", "=", id).execute();
}

/** What was claimed ahead of its time, or waits for a further attempt, is not to run. */
async function skipWaiting(transaction: Queries, id: CronId, reason: "paused" | "removed"): Promise<void> {
  await transaction
    .updateTable("scheduled_events")
    .set({ state: "skipped", reason, finished_at: sql<Date>`clock_timestamp()` })
    .where("cron_id", "=", id)
    .where("state", "=", "waiting")
    .execute();
}

async function checkCount(queries: Queries, workerId: WorkerId, worker: string): Promise<void> {
  const { count } = await queries
    .selectFrom("crons")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .where("worker_id", "=", workerId)
    .executeTakeFirstOrThrow();
  if (count <= maxCronsPerWorker) return;
  throw new OpenWorkersError(
    "CONFLICT",
    `${worker} would have ${count} crons; ${maxCronsPerWorker} are allowed.`,
  );
}

function checkPolicy(policy: CronPolicy): CronPolicy {
  const parsed = cronPolicySchema.safeParse(policy);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new OpenWorkersError("INVALID_INPUT", `A cron's ${issue?.path.join(".")}: ${issue?.message}.`, {
    field: issue?.path.join(".") ?? "",
  });
}

async function cronWithId(queries: Queries, id: CronId): Promise<StoredCron> {
  return selectCrons(queries).where("crons.id", "=", id).executeTakeFirstOrThrow();
}

function selectCrons(queries: Queries) {
  return queries
    .selectFrom("crons")
    .innerJoin("workers", "workers.id", "crons.worker_id")
    .select([
      "crons.id",
      "workers.name as worker",
      "expression",
      "timezone",
      "source",
      "paused",
      "retries",
      "retry_delay_ms as retryDelayMs",
      "late",
      "late_cap as lateCap",
      "overlap",
      "wall_ms as wallMs",
      "next_due as nextDue",
      "problem",
      "crons.created_at as createdAt",
    ]);
}
