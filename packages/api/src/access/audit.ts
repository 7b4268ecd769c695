import type { UserId } from "@openworkers/core";
import { sql } from "kysely";
import type { Scope } from "../http/call.ts";

/** Writes down what the caller did to an account's things. `details` never holds a secret. */
export async function auditFor(
  { queries, caller }: Scope,
  account: UserId,
  action: string,
  subject: string,
  details: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await sql`
    insert into audit_log (user_id, account_id, action, subject, details)
    values (${caller}, ${account}, ${action}, ${subject}, ${JSON.stringify(details)}::jsonb)`.execute(
    queries,
  );
}
