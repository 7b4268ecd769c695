import type { Database, Queries } from "@openworkers/db";
import { sql } from "kysely";
import { type Day, dayOf, formatDay } from "./days.ts";

/** What is partitioned by day, and the days each is kept. */
export interface KeptDays {
  readonly records: number;
  readonly stats: number;
}

interface Parent {
  readonly table: string;
  /** Of the column that it is partitioned by. */
  readonly bound: (day: Day) => string;
  /** Storage of a partition. */
  readonly storage: string;
  readonly kept: (days: KeptDays) => number;
}

const instant = (day: Day) => `${formatDay(day)} 00:00:00+00`;

/** The bus keeps a batch for a day, and a publisher may send it again as long as it has it. */
const batchDays = 3;

const parents: readonly Parent[] = [
  { table: "logs", bound: instant, storage: "", kept: ({ records }) => records },
  { table: "invocations", bound: instant, storage: "", kept: ({ records }) => records },
  // Each row of a busy worker is written several times a second: room for that on its page.
  { table: "worker_stats", bound: instant, storage: "with (fillfactor = 50)", kept: ({ stats }) => stats },
  { table: "log_batches", bound: formatDay, storage: "", kept: () => batchDays },
];

// Any number that nothing else in the database uses.
const lockKey = 7_264_012;

/**
 * The partitions that a service knows of. Making one is done by whoever comes first, under a lock; it never waits for
 * readers, nor they for it.
 */
export class Partitions {
  readonly #database: Database;
  readonly #known = new Set<string>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Makes what is missing for these days. */
  async ensure(days: Iterable<Day>): Promise<void> {
    for (const day of days) {
      for (const parent of parents) {
        const name = partitionOf(parent.table, day);
        if (this.#known.has(name)) continue;
        await this.#database.write(async (transaction) => {
          await sql`select pg_advisory_xact_lock(${lockKey})`.execute(transaction);
          await attach(transaction, parent, day);
        });
        this.#known.add(name);
      }
    }
  }

  /** Looks again the next time: somebody may have dropped one. */
  forget(): void {
    this.#known.clear();
  }

  /**
   * Drops the days that are past. Returns the partitions' names. One that somebody reads is left for the next time: to
   * wait for them would make writers wait as well.
   */
  async dropOld(now: number, kept: KeptDays): Promise<string[]> {
    const dropped: string[] = [];
    for (const parent of parents) {
      for (const { name, day } of await this.list(parent.table)) {
        if (day >= dayOf(now) - parent.kept(kept)) continue;
        if (await this.#drop(name)) dropped.push(name);
      }
    }
    return dropped;
  }

  /** The partitions of a table, oldest first. */
  async list(table: string): Promise<{ readonly name: string; readonly day: Day }[]> {
    const { rows } = await this.#database.read((queries) =>
      sql<{ name: string }>`
        select child.relname as name from pg_inherits
        join pg_class child on child.oid = inhrelid
        where inhparent = ${table}::regclass order by 1
      `.execute(queries),
    );
    return rows.map(({ name }) => ({ name, day: dayOfName(name) }));
  }

  async #drop(name: string): Promise<boolean> {
    try {
      await this.#database.write(async (transaction) => {
        await sql`select pg_advisory_xact_lock(${lockKey})`.execute(transaction);
        await sql`set local lock_timeout = '1s'`.execute(transaction);
        await sql`drop table if exists ${sql.table(name)}`.execute(transaction);
      });
    } catch (thrown) {
      if (isLockTimeout(thrown)) return false;
      throw thrown;
    }
    this.#known.delete(name);
    return true;
  }
}

// `create table … partition of` would lock out every reader of the parent; attaching an empty table does not.
async function attach(transaction: Queries, parent: Parent, day: Day): Promise<void> {
  const name = partitionOf(parent.table, day);
  const { rows } = await sql<{ there: boolean }>`select to_regclass(${name}) is not null as there`.execute(
    transaction,
  );
  if (rows[0]?.there === true) return;
  const table = sql.table(name);
  const [from, to] = [sql.lit(parent.bound(day)), sql.lit(parent.bound(day + 1))];
  await sql`
    create table ${table} (like ${sql.table(parent.table)} including defaults including storage including compression)
    ${sql.raw(parent.storage)}
  `.execute(transaction);
  await sql`
    alter table ${sql.table(parent.table)} attach partition ${table} for values from (${from}) to (${to})
  `.execute(transaction);
}

/** The name of a table's partition for a day. */
export function partitionOf(table: string, day: Day): string {
  return `${table}_${formatDay(day).replaceAll("-", "")}`;
}

function dayOfName(name: string): Day {
  const [, year, month, date] = /_(\d{4})(\d\d)(\d\d)$/.exec(name) ?? [];
  // What somebody attached by hand is theirs to drop.
  if (year === undefined) return Number.POSITIVE_INFINITY;
  return dayOf(Date.UTC(Number(year), Number(month) - 1, Number(date)));
}

function isLockTimeout(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "55P03";
}
