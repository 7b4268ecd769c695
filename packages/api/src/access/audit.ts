import type { UserId } from "@openworkers/core";
import type { Scope } from "../http/call.ts";

/** Writes down what the caller did to an account's things. `details` never holds a secret. */
export async function auditFor(
  { queries, caller }: Scope,
  account: UserId,
  action: string,
  subject: string,
  details: Record<string, unknown> = {},
): Promise<void> {
  await queries
    .insertInto("audit_log")
    .values({ user_id: caller, account_id: account, action, subject, details })
    .execute();
}
