import type { UserId } from "@openworkers/core";
import { sql } from "kysely";
import type { IdentityDatabase } from "./database.ts";

export type AuditAction =
  | "account.create"
  | "account.rename"
  | "account.claim_setup"
  | "invitation.accept"
  | "session.create"
  | "session.fail"
  | "session.revoke"
  | "session.revoke_others"
  | "session.end"
  | "password.change"
  | "password.reset"
  | "email.verify"
  | "github.link"
  | "github.unlink"
  | "two_factor.enable"
  | "two_factor.disable"
  | "two_factor.fail"
  | "two_factor.new_recovery_codes"
  | "two_factor.use_recovery_code";

/** Writes down what somebody did with their own account, or what was tried with it. */
export async function audit(
  database: IdentityDatabase,
  userId: UserId,
  action: AuditAction,
  details: Record<string, unknown> = {},
): Promise<void> {
  await sql`select identity.write_audit(${userId}, ${action}, ${JSON.stringify(details)}::jsonb)`.execute(
    database,
  );
}
