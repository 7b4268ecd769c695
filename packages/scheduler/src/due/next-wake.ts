import type { Database } from "@openworkers/db";
import { sql } from "kysely";

/** When there is next something to claim, in Unix milliseconds; undefined when nothing is known of. */
export async function nextWake(
  database: Database,
  { lookaheadMs, notBefore }: { readonly lookaheadMs: number; readonly notBefore: number },
): Promise<number | undefined> {
  const { rows } = await database.read((queries) =>
    sql<{ wake: Date | null }>`
      select least(
        (select min(next_due) from crons where overlap = 'allow') - ${lookaheadMs} * interval '1 ms',
        (select min(next_due) from crons where overlap = 'skip'),
        (select min(publish_at) from scheduled_events where state = 'waiting' and claimed_by is null)
          - ${lookaheadMs} * interval '1 ms',
        (select min(claimed_until) from scheduled_events
          where state = 'waiting' and claimed_until >= ${new Date(notBefore)})
      ) as wake
    `.execute(queries),
  );
  return rows[0]?.wake?.getTime();
}
