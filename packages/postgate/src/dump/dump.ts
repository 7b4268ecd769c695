import { OpenWorkersError } from "@openworkers/core";
import type { Client } from "pg";
import { newestMajor, pgDump } from "./pg-dump.ts";
import { tableData } from "./table-data.ts";

/** Opens a connection to the database, logged in as its owner; whoever calls it ends it. */
export type OpenClient = () => Promise<Client>;

/**
 * A database as plain SQL (`--no-owner --no-privileges`), as it was at one moment. pg_dump says what its schema is, in two
 * parts that are held whole; the rows between them pass as they come. Takes two connections.
 *
 * @throws OpenWorkersError INTERNAL with what pg_dump says, CONFIG_INVALID when no pg_dump knows a server so new
 */
export async function* dumpDatabase(open: OpenClient, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  await using client = disposable(await open());
  const { rows } = await client.value.query<{ major: number }>(
    "select current_setting('server_version_num')::int / 10000 as major",
  );
  const major = rows[0]?.major ?? 0;
  if (major > newestMajor) throw tooNew(major);
  await client.value.query("begin isolation level repeatable read, read only");
  // As pg_dump does: its own limits are the signal, and rows that a policy hides must not be missing silently.
  await client.value.query(
    `set statement_timeout = 0; set lock_timeout = 0; set idle_in_transaction_session_timeout = 0;
     set row_security = off; set search_path = pg_catalog; set extra_float_digits = 3;
     set datestyle = iso; set intervalstyle = postgres; set client_encoding = utf8`,
  );
  const exported = await client.value.query<{ snapshot: string }>(
    "select pg_catalog.pg_export_snapshot() as snapshot",
  );
  const snapshot = exported.rows[0]?.snapshot ?? "";
  const schema = async (section: "pre-data" | "post-data") => {
    await using other = disposable(await open());
    const args = ["--no-owner", "--no-privileges", `--section=${section}`, `--snapshot=${snapshot}`];
    return Buffer.from(await pgDump(other.value, args, signal));
  };
  yield await schema("pre-data");
  for await (const chunk of tableData(client.value)) {
    signal.throwIfAborted();
    yield chunk;
  }
  yield await schema("post-data");
}

function tooNew(major: number): OpenWorkersError {
  return new OpenWorkersError(
    "CONFIG_INVALID",
    `The server is PostgreSQL ${major}; the newest that can be dumped here is ${newestMajor}.`,
    { hint: `Dump it with PostgreSQL ${major}'s own pg_dump, over the connection that a token gives.` },
  );
}

function disposable(value: Client): AsyncDisposable & { readonly value: Client } {
  // What breaks it is told to whoever waits for an answer.
  value.on("error", () => {});
  return { value, [Symbol.asyncDispose]: () => value.end() };
}
