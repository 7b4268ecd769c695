import type { Database } from "@openworkers/db";
import { type RawBuilder, sql } from "kysely";

// What of sign-in is over. None of it lets anybody in any more: it only takes room.
const over: readonly RawBuilder<unknown>[] = [
  sql`delete from identity.sessions where expires_at < now()`,
  sql`delete from identity.verifications where expires_at < now()`,
  sql`delete from identity.rate_limits where ends_at < now()`,
  sql`delete from identity.used_codes where used_at < now() - interval '1 hour'`,
  sql`delete from identity.setup_links where expires_at < now()`,
  sql`delete from identity.mails where created_at < now() - interval '7 days'`,
];

/** Deletes expired sessions, links, attempts and mails. */
export async function trimSignIn(database: Database): Promise<void> {
  for (const statement of over) await database.read((queries) => statement.execute(queries));
}
