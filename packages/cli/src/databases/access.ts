import { type DatabaseScope, errorTable, isOpenWorkersError, OpenWorkersError } from "@openworkers/core";
import { Client } from "pg";
import { z } from "zod";
import type { CreatedToken } from "../backend/databases.ts";
import type { PlatformContext } from "../commands/context.ts";
import type { DatabaseFaces } from "../profile/profile.ts";
import { knownFaces } from "./first-use.ts";

const resultSchema = z.object({
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  rows: z.array(z.array(z.unknown())),
  command: z.string(),
  rowCount: z.number(),
  durationMs: z.number(),
});
export type QueryResult = z.infer<typeof resultSchema>;

const failureSchema = z.object({
  error: z.looseObject({ code: z.string(), message: z.string(), hint: z.string().optional() }),
});

/** A way into a database, for as long as a command takes. */
export interface DatabaseAccess {
  readonly database: CreatedToken["database"];
  /** Runs a body of the query protocol. @throws OpenWorkersError with PostgreSQL's words */
  query(body: object): Promise<QueryResult[]>;
  /** Opens a session by PostgreSQL's protocol; whoever calls it ends it. */
  connect(): Promise<Client>;
}

export interface AccessOptions {
  readonly scope: DatabaseScope;
  /** How long the command may take at most. */
  readonly minutes: number;
}

/**
 * Runs `work` with a token that is made for it and revoked after it: its sessions are a tenant's like any others, under the
 * database's limits, and this process never has a password.
 *
 * @throws OpenWorkersError NOT_FOUND, DATABASE_UNAVAILABLE
 */
export async function withAccess<T>(
  context: Pick<PlatformContext, "backend" | "databaseFaces" | "queryDatabase" | "signal">,
  nameOrId: string,
  { scope, minutes }: AccessOptions,
  work: (access: DatabaseAccess) => Promise<T>,
): Promise<T> {
  const { backend, databaseFaces, queryDatabase, signal } = context;
  const known = queryDatabase === undefined ? databaseFaces() : knownFaces(databaseFaces);
  if (queryDatabase !== undefined && known === undefined) {
    const { id, name } = await backend.databases.get(nameOrId);
    return await work({
      database: { id, name },
      query: async (body) => resultsOf(await queryDatabase(id, scope, body, signal)),
      // Says that nothing which speaks PostgreSQL's protocol is known here.
      connect: async () => connect(databaseFaces(), ""),
    });
  }
  const faces = known ?? databaseFaces();
  const name = `ow ${crypto.randomUUID()}`;
  const expiresAt = new Date(Date.now() + minutes * 60_000);
  const { token, database } = await backend.databases.createToken(nameOrId, { name, scope, expiresAt });
  try {
    return await work({
      database,
      query: (body) => query(faces, token, body, signal),
      connect: () => connect(faces, token),
    });
  } finally {
    await backend.databases.revokeToken(database.id, name).catch((thrown: unknown) => {
      // It goes with its database.
      if (!isOpenWorkersError(thrown, "NOT_FOUND")) throw thrown;
    });
  }
}

async function query(
  { http }: DatabaseFaces,
  token: string,
  body: object,
  signal: AbortSignal,
): Promise<QueryResult[]> {
  const answer = await fetch(new URL("query", http), {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    signal,
  }).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw unreachable(http, cause);
  });
  const json: unknown = await answer.json();
  if (answer.ok) return resultsOf(json);
  const { code, message, hint, ...details } = failureSchema.parse(json).error;
  const position = typeof details.position === "number" ? ` at character ${details.position}` : "";
  const sqlstate = typeof details.sqlstate === "string" ? ` (SQLSTATE ${details.sqlstate}${position})` : "";
  throw new OpenWorkersError(
    code in errorTable ? (code as keyof typeof errorTable) : "INTERNAL",
    `${message}${sqlstate}`,
    {
      ...(hint === undefined ? {} : { hint }),
      details,
    },
  );
}

function resultsOf(json: unknown): QueryResult[] {
  return z.object({ results: z.array(resultSchema) }).parse(json).results;
}

async function connect({ host, port }: DatabaseFaces, token: string): Promise<Client> {
  const client = new Client({
    host: reachable(host),
    port,
    user: "ow",
    database: "ow",
    password: token,
    application_name: "ow",
    connectionTimeoutMillis: 10_000,
  });
  // Whoever waits for an answer is told; without a handler the event would end the process.
  client.on("error", () => {});
  try {
    await client.connect();
  } catch (cause) {
    throw unreachable(`${host}:${port}`, cause);
  }
  return client;
}

/** An address to connect to, where `host` is one to listen on. */
export function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

function unreachable(place: string, cause: unknown): OpenWorkersError {
  return new OpenWorkersError(
    "DATABASE_UNAVAILABLE",
    `${place} does not let us in: ${cause instanceof Error ? cause.message : String(cause)}.`,
    { cause, hint: "Check that the platform still runs: ow doctor" },
  );
}
