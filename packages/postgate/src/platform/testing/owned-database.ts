import { type Address, connect, type Database, migrate, socketUrl } from "@openworkers/db";
import { sql } from "kysely";

/** A migrated database of a role that is no superuser, and may make roles. */
export interface OwnedDatabase extends AsyncDisposable {
  readonly database: Database;
  /** As a superuser of the server. */
  readonly admin: Database;
}

/** On a server that `superuser` leads to, which stays the caller's. */
export async function ownedDatabase(superuser: string, server: Address): Promise<OwnedDatabase> {
  const admin = connect(superuser, { max: 2 });
  await sql
    .raw("create role platform_owner login createrole password 'platform-owner'")
    .execute(admin.kysely);
  await sql.raw("create database owned owner platform_owner").execute(admin.kysely);
  const { host, port } = server;
  const database = connect(
    socketUrl({ host, port, database: "owned", user: "platform_owner", password: "platform-owner" }),
    { max: 4 },
  );
  await migrate(database);
  return {
    database,
    admin,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await admin[Symbol.asyncDispose]();
    },
  };
}
