import { pipeline } from "node:stream/promises";
import { OpenWorkersError } from "@openworkers/core";
import type { Client } from "pg";
import { from } from "pg-copy-streams";
import { endsItself, scriptParts } from "./sql-script.ts";

/** A transaction is open and has not failed (PostgreSQL, "Message Formats", ReadyForQuery). */
const inTransaction = "T";
/** In the middle of the head that pg_dump writes since version 17, for whichever server; those before do not know it. */
const timeoutSetting =
  /(?<=^SET idle_in_transaction_session_timeout = 0;\n)SET transaction_timeout = 0;\n(?=SET client_encoding = )/gm;

/**
 * Runs a script of SQL with COPY blocks, such as a dump, in one transaction: all of it or nothing. Holds one statement, and
 * some rows, at a time.
 *
 * @throws OpenWorkersError INVALID_INPUT (not a script, or one that ends its transaction), QUERY_FAILED with PostgreSQL's words
 */
export async function restoreDatabase(
  client: Client,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  try {
    const { rows } = await client.query<{ version: number }>(
      "select current_setting('server_version_num')::int as version",
    );
    const isOld = Number(rows[0]?.version) < 170_000;
    await client.query("begin");
    for await (const part of scriptParts(chunks)) {
      signal.throwIfAborted();
      if ("sql" in part) await client.query(isOld ? part.sql.replace(timeoutSetting, "") : part.sql);
      else await pipeline(part.rows, client.query(from(part.copy)), { signal });
      if (client.getTransactionStatus() !== inTransaction) throw endsItself();
    }
    await client.query("commit");
  } catch (thrown) {
    throw explained(thrown);
  }
}

function explained(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || !("severity" in thrown) || !("code" in thrown)) return thrown;
  const where = "where" in thrown && typeof thrown.where === "string" ? ` (${thrown.where})` : "";
  return new OpenWorkersError("QUERY_FAILED", `${thrown.message}${where}`, {
    details: { sqlstate: thrown.code },
    hint: "Nothing of the file has been kept.",
    cause: thrown,
  });
}
