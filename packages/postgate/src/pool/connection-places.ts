import { messageOf, OpenWorkersError } from "@openworkers/core";
import { type Address, describeAddress } from "@openworkers/db";
import { Client } from "pg";

/** What the platform itself needs of the same server: its pools, its listeners, and an operator who looks at it. */
const platformConnections = 25;

/**
 * How many connections a server has for tenants.
 *
 * @throws OpenWorkersError DATABASE_UNAVAILABLE
 */
export async function connectionPlaces(server: Address): Promise<number> {
  const { host, port, database, user, password, tls } = server;
  const ssl = tls === "disable" ? false : { rejectUnauthorized: tls === "verify-full" };
  const client = new Client({ host, port, database, user, password, ssl, connectionTimeoutMillis: 10_000 });
  // What breaks the connection also rejects the query that waits for it.
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ places: number }>(
      `select sum(setting::int * case name when 'max_connections' then 1 else -1 end)::int as places
       from pg_settings
       where name in ('max_connections', 'superuser_reserved_connections', 'reserved_connections')`,
    );
    return Math.max(5, (rows[0]?.places ?? 0) - platformConnections);
  } catch (cause) {
    throw new OpenWorkersError(
      "DATABASE_UNAVAILABLE",
      `Cannot use ${describeAddress(server)}: ${messageOf(cause)}`,
      { cause, hint: "Check that PostgreSQL is running and that OW_TENANTS_URL is right." },
    );
  } finally {
    await client.end();
  }
}
