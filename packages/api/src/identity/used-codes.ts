import type { UserId } from "@openworkers/core";
import { sql } from "kysely";
import type { IdentityDatabase } from "./database.ts";

// A code is taken for its own 30 seconds and those before and after it.
const codeSeconds = 180;

/** Uses up an authenticator's code; false when it was used already. Of two at once, one is told true. */
export async function useCode(database: IdentityDatabase, userId: UserId, code: string): Promise<boolean> {
  const isOld = sql<boolean>`used_at < now() - make_interval(secs => ${codeSeconds})`;
  await database.deleteFrom("identity.used_codes").where("user_id", "=", userId).where(isOld).execute();
  const used = await database
    .insertInto("identity.used_codes")
    .values({ user_id: userId, code })
    .onConflict((conflict) => conflict.doNothing())
    .returning("code")
    .executeTakeFirst();
  return used !== undefined;
}
