import type { UserId } from "@openworkers/core";
import { sql } from "kysely";
import type { IdentityDatabase } from "./database.ts";
import { tokenHashHex } from "./token.ts";

/** Seconds after a sign-in in which passwords and second factors may be changed. */
export const freshSeconds = 10 * 60;

/** Who acts, in which session. */
export interface Session {
  readonly id: string;
  readonly userId: UserId;
  readonly email: string;
  /** What the client holds. */
  readonly token: string;
  readonly expiresAt: Date;
  /** Whether its person signed in less than `freshSeconds` ago. */
  readonly isFresh: boolean;
  readonly twoFactor: boolean;
}

/** The session with this token, noted as used; undefined when there is none, or none any more. */
export async function findSession(database: IdentityDatabase, token: string): Promise<Session | undefined> {
  const hash = await tokenHashHex(token);
  const found = await database
    .selectFrom("identity.sessions as s")
    .innerJoin("identity.users as u", "u.id", "s.user_id")
    .select([
      "s.id",
      "s.user_id as userId",
      "u.email",
      "s.expires_at as expiresAt",
      "u.two_factor_enabled as twoFactor",
      sql<boolean>`s.created_at > now() - make_interval(secs => ${freshSeconds})`.as("isFresh"),
      sql<boolean>`s.last_seen_at < now() - interval '1 minute'`.as("isStale"),
    ])
    .where("s.token", "=", hash)
    .where("s.expires_at", ">", sql<Date>`now()`)
    .executeTakeFirst();
  if (found === undefined) return undefined;
  const { isStale, ...session } = found;
  if (isStale) await sql`select identity.touch_session(${session.id})`.execute(database);
  return { ...session, token };
}
