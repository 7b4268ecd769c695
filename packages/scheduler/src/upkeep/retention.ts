import type { CronId } from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { sql } from "kysely";

/** Rows that one statement deletes, and crons that one looks at: neither should hold the others up. */
const rowsAtOnce = 5_000;
const cronsAtOnce = 200;

export interface Retention {
  readonly historyDays: number;
  /** The newest so many of each cron. */
  readonly historyRuns: number;
}

/** Deletes history that is too old, or too much of one cron; resolves with how many events. */
export async function trimHistory(
  database: Database,
  { historyDays, historyRuns }: Retention,
  now: number,
): Promise<number> {
  const deleted = await trimByAge(database, now - historyDays * 86_400_000);
  return deleted + (await trimByCount(database, historyRuns));
}

/** Ids are time-ordered (RFC 9562, version 7: 48 bits of milliseconds first), so that their index finds the oldest. */
async function trimByAge(database: Database, before: number): Promise<number> {
  const hex = Math.max(0, Math.floor(before)).toString(16).padStart(12, "0");
  const oldest = `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
  return repeated(() =>
    database.read((queries) =>
      sql`
        delete from scheduled_events where id in (
          select id from scheduled_events where id < ${oldest}::uuid order by id limit ${rowsAtOnce}
        )
      `.execute(queries),
    ),
  );
}

async function trimByCount(database: Database, runs: number): Promise<number> {
  let deleted = 0;
  let after: CronId | undefined;
  for (;;) {
    const crons = await database.read((queries) =>
      queries
        .selectFrom("crons")
        .select("id")
        .where(({ eb, lit }) => (after === undefined ? lit(true) : eb("id", ">", after)))
        .orderBy("id")
        .limit(cronsAtOnce)
        .execute(),
    );
    after = crons.at(-1)?.id;
    if (after === undefined) return deleted;
    const ids = crons.map(({ id }) => id);
    deleted += await repeated(() =>
      database.read((queries) =>
        sql`
          delete from scheduled_events where id in (
            select event.id from unnest(${ids}::uuid[]) as cron (id)
            cross join lateral (
              select due_at from scheduled_events where cron_id = cron.id order by due_at desc offset ${runs - 1} limit 1
            ) as last
            join scheduled_events as event
              on event.cron_id = cron.id and event.due_at < last.due_at and event.state in ('finished', 'skipped')
            limit ${rowsAtOnce}
          )
        `.execute(queries),
      ),
    );
  }
}

async function repeated(statement: () => Promise<{ readonly numAffectedRows?: bigint }>): Promise<number> {
  for (let deleted = 0; ; ) {
    const { numAffectedRows = 0n } = await statement();
    deleted += Number(numAffectedRows);
    if (numAffectedRows < rowsAtOnce) return deleted;
  }
}
