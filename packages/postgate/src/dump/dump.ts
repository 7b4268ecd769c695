import { OpenWorkersError } from "@openworkers/core";
import type { Client } from "pg";
import { newestMajor, pgDump } from "./pg-dump.ts";
import { tableData } from "./table-data.ts";

/** Opens a connection to the database, logged in as its owner; whoever calls it ends it. */
export type OpenClient = () => Promise<Client>;

/**
 * A database as plain SQL (`--no-owner --no-privileges`), as it was at one moment. pg_dump says what its schema is, in two
 * parts that are held whole; the rows between them pass as they come.
 *
 * @throws OpenWorkersError INTERNAL with what pg_dump says, CONFIG_INVALID when no pg_dump knows a server so new
 */
export async function* dumpDatabase(open: OpenClient, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const client = await open();
  // What breaks it is told to whoever waits for an answer.
  client.on("error", () => {});
  try {
    const { rows } = await client.query<{ major: number }>(
      "select current_setting('server_version_num')::int / 10000 as major",
    );
    const major = rows[0]?.major ?? 0;
    if (major > newestMajor) throw tooNew(major);
    // pg_dump begins a transaction and does not end it, so all three see the same. Exporting its snapshot to a connection
    // of our own would do as well, but a tenant may not: each takes a file.
    yield await schema(client, "pre-data", signal);
    for await (const chunk of tableData(client)) {
      signal.throwIfAborted();
      yield chunk;
    }
    await client.query("deallocate all");
    yield await schema(client, "post-data", signal);
  } finally {
    await client.end();
  }
}

async function schema(
  client: Client,
  section: "pre-data" | "post-data",
  signal: AbortSignal,
): Promise<Uint8Array> {
  return Buffer.from(await pgDump(client, ["--no-owner", "--no-privileges", `--section=${section}`], signal));
}

function tooNew(major: number): OpenWorkersError {
  return new OpenWorkersError(
    "CONFIG_INVALID",
    `The server is PostgreSQL ${major}; the newest that can be dumped here is ${newestMajor}.`,
    { hint: `Dump it with PostgreSQL ${major}'s own pg_dump, over the connection that a token gives.` },
  );
}
