import type { ScheduledEventId } from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { sql } from "kysely";

/** An attempt that the bus has. */
export interface PublishedMark {
  readonly id: ScheduledEventId;
  readonly attempt: number;
  /** When the bus had it, in Unix milliseconds. */
  readonly at: number;
  /** The stream, by when it was made, and the position there. */
  readonly stream: number;
  readonly seq: number;
  /** It may be there for the second time, so that it may run twice. */
  readonly again: boolean;
}

/** Writes down what is on the bus. What has ended meanwhile stays as it is, but for that it may run once more. */
export async function markPublished(database: Database, marks: readonly PublishedMark[]): Promise<void> {
  await database.write(async (transaction) => {
    await sql`
      update scheduled_events as event
      set state = 'published', published_at = to_timestamp(mark.at / 1000.0), bus_stream = mark.stream, bus_seq = mark.seq,
        claimed_by = null, claimed_until = null
      from jsonb_to_recordset(${JSON.stringify(marks)}::jsonb)
        as mark (id uuid, attempt integer, at double precision, stream bigint, seq bigint)
      where event.id = mark.id and event.attempt = mark.attempt and event.state in ('waiting', 'published')
    `.execute(transaction);
    const again = marks.filter((mark) => mark.again).map(({ id }) => id);
    if (again.length === 0) return;
    await transaction
      .updateTable("scheduled_events")
      .set({ redelivered: true })
      .where("id", "in", again)
      .execute();
  });
}
