import { createHash, randomBytes } from "node:crypto";
import { newId, type UserId } from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { sql } from "kysely";

export interface Person {
  readonly id: UserId;
  readonly name: string;
  /** An API key for all of it. */
  readonly key: string;
}

export const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();

/** A person with a key for everything. The name is an e-mail's local part, too. */
export async function person(database: Database, name: string): Promise<Person> {
  const id = newId<"user">();
  await sql`insert into identity.users (id, name, email) values (${id}, ${name}, ${`${name}@example.com`})`.execute(
    database.kysely,
  );
  return { id, name, key: await apiKey(database, { id }) };
}

/** An API key, as the owner of the tables makes one. */
export async function apiKey(
  database: Database,
  { id }: Pick<Person, "id">,
  {
    scopes = ["*"],
    account = null,
    expiresAt = null,
  }: {
    readonly scopes?: readonly string[];
    readonly account?: UserId | null;
    readonly expiresAt?: Date | null;
  } = {},
): Promise<string> {
  const key = `ow_${randomBytes(32).toString("base64url")}`;
  await sql`
    insert into api_keys (id, user_id, account_id, name, prefix, hash, scopes, expires_at)
    values (${newId()}, ${id}, ${account}, ${key.slice(0, 20)}, ${key.slice(0, 8)}, ${sha256(key)}, ${scopes}, ${expiresAt})
  `.execute(database.kysely);
  return key;
}

/** A session that somebody has signed in to; gives its token. */
export async function signIn(database: Database, { id }: Pick<Person, "id">): Promise<string> {
  const token = randomBytes(32).toString("base64url");
  await sql`
    insert into identity.sessions (id, user_id, token, expires_at)
    values (${newId()}, ${id}, ${sha256(token).toString("hex")}, now() + interval '1 hour')`.execute(
    database.kysely,
  );
  return token;
}

/** An organisation with its members. */
export async function organisation(
  database: Database,
  name: string,
  members: readonly (readonly [Pick<Person, "id">, "owner" | "admin" | "developer" | "viewer"])[],
): Promise<UserId> {
  const id = newId<"user">();
  await database.write(async (transaction) => {
    await sql`insert into users (id, name, kind) values (${id}, ${name}, 'organisation')`.execute(
      transaction,
    );
    for (const [member, role] of members) {
      await sql`insert into members (organisation_id, user_id, role) values (${id}, ${member.id}, ${role})`.execute(
        transaction,
      );
    }
  });
  return id;
}

/** What a promise is rejected with. @throws Error when it is not */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const value = await promise.then(
    (done) => ({ done }),
    (thrown: unknown) => ({ thrown }),
  );
  if ("thrown" in value) return value.thrown;
  throw new Error(`it was done: ${JSON.stringify(value.done)}`);
}
