import { type ClientConfig, types } from "pg";
import type { Address } from "./address.ts";

export interface ConnectOptions {
  /** Connections in the pool; 10 unless given, 2 at least. A `listen` takes one more. */
  readonly max?: number;
  /** What `pg_stat_activity` calls us; `openworkers` unless given. */
  readonly applicationName?: string;
  /** How long a query may wait for a connection, in milliseconds; 10,000 unless given. */
  readonly connectTimeoutMs?: number;
  /** PostgreSQL's parameters for each session, as `{ enable_bitmapscan: "off" }`; no spaces in them. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Nice value of the server's processes for these connections, for work that others go before; where the server is on this machine. */
  readonly nice?: number;
}

/** What `pg` needs to connect to `address`. */
export function clientConfig(address: Address, options: ConnectOptions = {}): ClientConfig {
  return {
    host: address.host,
    port: address.port,
    database: address.database,
    user: address.user,
    password: address.password,
    ssl: address.tls === "disable" ? false : { rejectUnauthorized: address.tls === "verify-full" },
    application_name: options.applicationName ?? "openworkers",
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
    keepAlive: true,
    // Queries of ours end; one that does not is a bug that would otherwise hold its locks for ever.
    statement_timeout: 60_000,
    idle_in_transaction_session_timeout: 60_000,
    types: { getTypeParser },
    ...(options.parameters === undefined ? {} : { options: startOptions(options.parameters) }),
  };
}

function startOptions(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(" ");
}

/** As the driver has it, but for bigint: a number, which must be a safe one. */
export const getTypeParser: typeof types.getTypeParser = (oid, format) =>
  oid === types.builtins.INT8 && format !== "binary" ? safeInteger : types.getTypeParser(oid, format);

// No counter of ours comes near 2^53; one that does must not be rounded silently.
function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} does not fit a number`);
  return value;
}
