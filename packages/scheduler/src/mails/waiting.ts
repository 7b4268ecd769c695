import type { MailId } from "@openworkers/core";
import type { Database, MailTemplate } from "@openworkers/db";
import { sql } from "kysely";

/** A mail that is to be sent now, and that no other sender takes meanwhile. */
export interface WaitingMail {
  readonly id: MailId;
  readonly recipient: string;
  readonly template: MailTemplate;
  readonly sealed: Uint8Array;
  /** This one included. */
  readonly attempts: number;
}

/** So long a sender has a mail to itself. When it dies, another sends it after that, under the same Message-ID. */
const leaseSeconds = 120;

/** Seconds between attempts; after the last the mail is given up. */
const delays = [30, 120, 600, 3_600, 6 * 3_600, 12 * 3_600];

/** Mails whose time has come, the oldest first. */
export async function takeMails(database: Database, limit: number): Promise<WaitingMail[]> {
  const { rows } = await database.read((queries) =>
    sql<WaitingMail>`
      update identity.mails set attempts = attempts + 1,
        next_attempt_at = now() + make_interval(secs => ${leaseSeconds})
      where id in (
        select id from identity.mails where sent_at is null and next_attempt_at <= now()
        order by next_attempt_at limit ${limit} for update skip locked
      )
      returning id, recipient, template, sealed, attempts`.execute(queries),
  );
  return rows;
}

/** Notes that it was sent, and forgets what it said. */
export async function markSent(database: Database, { id }: WaitingMail): Promise<void> {
  await database.read((queries) =>
    queries
      .updateTable("identity.mails")
      .set({ sent_at: sql<Date>`now()`, sealed: null, key_id: null, failure: null })
      .where("id", "=", id)
      .execute(),
  );
}

/** Puts it off; false when that was the last time, and it is no more. */
export async function putOff(database: Database, mail: WaitingMail, failure: string): Promise<boolean> {
  const delay = delays[mail.attempts - 1];
  await database.read(async (queries) => {
    if (delay === undefined) {
      await queries.deleteFrom("identity.mails").where("id", "=", mail.id).execute();
      return;
    }
    await queries
      .updateTable("identity.mails")
      .set({
        failure: failure.slice(0, 500),
        next_attempt_at: sql<Date>`now() + make_interval(secs => ${delay})`,
      })
      .where("id", "=", mail.id)
      .execute();
  });
  return delay !== undefined;
}
