import type { MailId, UserId } from "@openworkers/core";
import type { ColumnType, Generated } from "kysely";

type Fixed<T> = ColumnType<T, T, never>;
// What PostgreSQL sets when a row is inserted, and nobody changes.
type CreatedAt = ColumnType<Date, Date | undefined, never>;

/** What a mail is about; the sender has a text for each. */
export type MailTemplate =
  | "reset-password"
  | "verify-email"
  | "invitation"
  | "password-changed"
  | "already-registered";

/** The tables of sign-in, in the schema `identity`. */
export interface IdentityTables {
  "identity.users": {
    id: Fixed<UserId>;
    name: string;
    email: string;
    email_verified: Generated<boolean>;
    image: string | null;
    two_factor_enabled: Generated<boolean>;
    created_at: CreatedAt;
    updated_at: Generated<Date>;
  };
  "identity.sessions": {
    id: Fixed<string>;
    user_id: Fixed<UserId>;
    token: Fixed<string>;
    expires_at: Date;
    ip_address: string | null;
    user_agent: string | null;
    created_at: CreatedAt;
    updated_at: Generated<Date>;
    last_seen_at: Generated<Date>;
  };
  "identity.accounts": {
    id: Fixed<string>;
    user_id: Fixed<UserId>;
    provider_id: Fixed<string>;
    account_id: Fixed<string>;
    password: string | null;
    scope: string | null;
    created_at: CreatedAt;
    updated_at: Generated<Date>;
  };
  "identity.verifications": {
    id: Fixed<string>;
    identifier: Fixed<string>;
    value: string;
    expires_at: Date;
    created_at: CreatedAt;
    updated_at: Generated<Date>;
  };
  "identity.two_factors": {
    id: Fixed<string>;
    user_id: Fixed<UserId>;
    secret: string;
    backup_codes: string;
    verified: Generated<boolean>;
    failed_verification_count: Generated<number>;
    locked_until: Date | null;
  };
  "identity.used_codes": { user_id: Fixed<UserId>; code: Fixed<string>; used_at: Generated<Date> };
  "identity.rate_limits": { key: Fixed<string>; count: number; ends_at: Date };
  "identity.setup_links": { hash: Fixed<Uint8Array>; created_at: CreatedAt; expires_at: Date };
  "identity.mails": {
    id: Fixed<MailId>;
    recipient: Fixed<string>;
    template: Fixed<MailTemplate>;
    sealed: Uint8Array | null;
    key_id: string | null;
    created_at: CreatedAt;
    sent_at: ColumnType<Date | null, Date | null | undefined, Date | null>;
    attempts: Generated<number>;
    next_attempt_at: Generated<Date>;
    failure: ColumnType<string | null, string | null | undefined, string | null>;
  };
}
