import { createHash } from "node:crypto";
import { checkMetadataSchema, formMetadata, OpenWorkersError, readCode } from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { getTypeParser, parseAddress } from "@openworkers/db/access";
import { sql } from "kysely";
import { Client } from "pg";
import type { ConnectAs } from "../http/call.ts";
import type { Fetch } from "../platform/services.ts";

/** Sessions without Postgate: as the owner of all tables, so that routes must not rely on policies alone. */
export function directly(url: string): ConnectAs {
  return (_, credential) => async (isolation) => {
    const { host, port, database, user, password } = parseAddress(url);
    const client = new Client({ host, port, database, user, password, types: { getTypeParser } });
    await client.connect();
    await client.query(`begin isolation level ${isolation}`);
    const { rows } = await client.query(
      "select set_config('openworkers.test_caller', user_id::text, true) from api_keys where hash = $1",
      [createHash("sha256").update(credential).digest()],
    );
    if (rows.length > 0) return client;
    await client.end();
    throw new OpenWorkersError("UNAUTHORIZED", "The session or key is not known, or has expired.");
  };
}

/** What policies stand on, where there are none. */
export async function withoutPolicies(database: Database): Promise<void> {
  await database.write(async (transaction) => {
    await sql`create or replace function caller_id() returns uuid language sql stable as
      $$ select current_setting('openworkers.test_caller')::uuid $$`.execute(transaction);
    await sql`create or replace function caller_may(owner uuid, resource text, action text) returns boolean language sql stable as $$
      select owner = caller_id()
        or exists (select from users where id = caller_id() and is_operator)
        or exists (select from members where organisation_id = owner and user_id = caller_id() and (
          role in ('owner', 'admin') or action = 'read' or (action = 'write' and role = 'developer')))
      $$`.execute(transaction);
  });
}

/** The platform's services as far as routes need them without a runner. */
export const services: Fetch = {
  async fetch(request) {
    try {
      const { pathname } = new URL(request.url);
      if (request.method === "POST" && pathname === "/check") {
        const form = (await request.formData()) as unknown as FormData;
        const code = await readCode(form, checkMetadataSchema.parse(await formMetadata(form)));
        if (Buffer.from(code.modules[0]?.content ?? []).includes("throw")) {
          throw new OpenWorkersError("START_FAILED", "Uncaught Error: at the top", {
            details: { stack: "…" },
          });
        }
        return Response.json({ entrypoints: [], handlers: ["fetch"], startMs: 1 });
      }
      throw new OpenWorkersError("NOT_FOUND", `There is no ${pathname}.`);
    } catch (thrown) {
      if (!(thrown instanceof OpenWorkersError)) throw thrown;
      return Response.json(thrown.toJSON(), { status: thrown.status });
    }
  },
};
