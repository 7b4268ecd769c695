import type { Address } from "@openworkers/db";
import { Client } from "pg";

/** A connection of its own to an address; whoever calls it ends it. @throws what `pg` does */
export async function openClient({ host, port, database, user, password, tls }: Address): Promise<Client> {
  const client = new Client({
    host,
    port,
    database,
    user,
    ...(password === undefined ? {} : { password }),
    ssl: tls === "disable" ? false : { rejectUnauthorized: tls === "verify-full" },
    application_name: "openworkers",
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  });
  // Whoever waits for an answer is told; without a handler the event would end the process.
  client.on("error", () => {});
  await client.connect();
  return client;
}
