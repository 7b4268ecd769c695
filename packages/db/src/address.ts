import { OpenWorkersError } from "@openworkers/core";

/** Where a PostgreSQL is and how to log in. */
export interface Address {
  /** Host name, IP address, or the absolute path of the directory that holds the Unix socket. */
  readonly host: string;
  /** Where to connect when `host` is a name that has been looked up and judged: it is not to be looked up again. */
  readonly ip?: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string | undefined;
  /** Whether to encrypt, and whether to check whose certificate it is. */
  readonly tls: "disable" | "require" | "verify-full";
}

const sslModes: Readonly<Record<string, Address["tls"]>> = {
  disable: "disable",
  require: "require",
  // Without a CA file of its own there is nothing that verify-ca could mean less than verify-full.
  "verify-ca": "verify-full",
  "verify-full": "verify-full",
};

/**
 * Reads a database URL. Two forms:
 *
 * - `postgres://user:password@host:5432/database?sslmode=verify-full` (`postgresql:` too). `sslmode` is
 *   `disable` on this machine and `require` elsewhere unless given; `prefer` is not to be had, because it
 *   would let whoever sits in between choose,
 * - `postgres:///database?host=/directory/of/the/socket&user=…&password=…&port=5432`.
 *
 * @throws OpenWorkersError CONFIG_INVALID. Its message never holds the password.
 */
export function parseAddress(url: string): Address {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw invalid("it is not a URL");
  }
  if (parsed.protocol !== "postgres:" && parsed.protocol !== "postgresql:") {
    throw invalid(`it starts with ${parsed.protocol}`);
  }
  const query = parsed.searchParams;
  for (const key of query.keys()) {
    if (!["host", "port", "user", "password", "sslmode"].includes(key)) {
      throw invalid(`the parameter "${key}" is not known`);
    }
  }
  const host = query.get("host") ?? decodeURIComponent(parsed.hostname).replace(/^\[|\]$/g, "");
  if (host === "") throw invalid("it names no host");
  const port = Number(query.get("port") ?? (parsed.port === "" ? "5432" : parsed.port));
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw invalid("its port is not a port");
  const database = decodeURIComponent(parsed.pathname.slice(1));
  if (database === "" || database.includes("/")) throw invalid("it names no database");
  const user = query.get("user") ?? decodeURIComponent(parsed.username);
  if (user === "") throw invalid("it names no user");
  const password = query.get("password") ?? decodeURIComponent(parsed.password);
  const local = host.startsWith("/") || host === "localhost" || host === "::1" || host.startsWith("127.");
  const sslMode = query.get("sslmode") ?? (local ? "disable" : "require");
  const tls = host.startsWith("/") ? "disable" : sslModes[sslMode];
  if (tls === undefined) throw invalid(`sslmode "${sslMode}" is none of ${Object.keys(sslModes).join(", ")}`);
  return {
    host,
    port,
    database,
    user,
    password: password === "" ? undefined : password,
    tls,
  };
}

/** The address without its password, for messages: `database "app" on db.example.com:5432`. */
export function describeAddress(address: Address): string {
  const place = address.host.startsWith("/") ? address.host : `${address.host}:${address.port}`;
  return `database "${address.database}" on ${place}`;
}

/** The URL form of an address on a Unix socket. */
export function socketUrl(address: Omit<Address, "tls">): string {
  const query = new URLSearchParams({
    host: address.host,
    port: String(address.port),
    user: address.user,
    ...(address.password === undefined ? {} : { password: address.password }),
  });
  return `postgres:///${encodeURIComponent(address.database)}?${query}`;
}

function invalid(why: string): OpenWorkersError {
  return new OpenWorkersError("CONFIG_INVALID", `The database URL cannot be used: ${why}.`, {
    hint: "Write it as postgres://user:password@host:5432/database, or postgres:///database?host=/socket/dir&user=name.",
  });
}
