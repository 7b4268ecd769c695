import { rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { type DatabaseId, newId } from "@openworkers/core";
import { Client, type ClientConfig, DatabaseError } from "pg";
import type { DatabaseCaller, DatabaseGateway } from "../gateway.ts";
import { rawTypes, resultText } from "./result-text.ts";

/** Who asked for what, in order. */
export interface Asked extends DatabaseCaller {
  readonly databaseId: DatabaseId;
  readonly what: "query" | "session";
}

/** A gateway to one real PostgreSQL: as little of Postgate as the runner's tests need, with a connection per request. */
export interface TestGateway extends DatabaseGateway {
  /** The one database that there is. */
  readonly databaseId: DatabaseId;
  readonly asked: readonly Asked[];
  /** Sockets that are listened on now. */
  readonly listening: ReadonlySet<string>;
  /** Most requests that were being answered at a time. */
  readonly peak: number;
  /** How many requests were ended because the cell had left. */
  readonly left: number;
}

interface Question {
  readonly sql?: string;
  readonly params?: readonly (string | null)[];
  readonly batch?: readonly { readonly sql: string; readonly params?: readonly (string | null)[] }[];
  readonly script?: string;
}

export function testGateway(config: ClientConfig): TestGateway {
  const databaseId = newId<"database">();
  const asked: Asked[] = [];
  const listening = new Set<string>();
  let [current, peak, left] = [0, 0, 0];
  return {
    databaseId,
    asked,
    listening,
    get peak() {
      return peak;
    },
    get left() {
      return left;
    },
    async query(id, request, caller) {
      asked.push({ databaseId: id, what: "query", ...caller });
      peak = Math.max(peak, ++current);
      try {
        return await answer(config, (await request.json()) as Question, request.signal);
      } finally {
        if (request.signal.aborted) left += 1;
        current -= 1;
      }
    },
    async listen(id, path, caller) {
      const sessions = new Set<Disposable>();
      const server = createServer((socket) => {
        asked.push({ databaseId: id, what: "session", ...caller });
        socket.once("data", (startup: Buffer) => {
          socket.pause();
          if (startup.readInt32BE(4) !== 196_608) socket.destroy();
          else void relay(config, socket, startup.subarray(startup.readInt32BE(0)), sessions);
        });
      });
      await new Promise<void>((resolve, reject) => server.once("error", reject).listen(path, resolve));
      listening.add(path);
      return {
        async [Symbol.asyncDispose]() {
          listening.delete(path);
          server.close();
          for (const session of sessions) session[Symbol.dispose]();
          rmSync(path, { force: true });
        },
      };
    },
  };
}

async function answer(
  config: ClientConfig,
  { sql, params, batch, script }: Question,
  signal: AbortSignal,
): Promise<Response> {
  const client = new Client(config);
  await client.connect();
  signal.addEventListener("abort", () => void cancel(client, config), { once: true });
  let at: number | undefined;
  try {
    const results: string[] = [];
    const statements = batch ?? (sql === undefined ? [] : [{ sql, params }]);
    if (batch !== undefined) await client.query("begin");
    for (const [index, { sql: text, params: values = [] }] of statements.entries()) {
      if (batch !== undefined) at = index;
      const begun = performance.now();
      const result = await client.query({ text, values: [...values], rowMode: "array", types: rawTypes });
      results.push(await resultText(client, result, performance.now() - begun));
    }
    if (batch !== undefined) await client.query("commit");
    if (script !== undefined) {
      // `pg` gives a list when the script has several statements.
      const result = await client.query(script);
      for (const one of Array.isArray(result) ? result : [result]) {
        results.push(await resultText(client, { ...one, rows: [], fields: [] }, 0));
      }
    }
    return new Response(`{"results":[${results.join(",")}]}`, {
      headers: { "content-type": "application/json" },
    });
  } catch (thrown) {
    if (!(thrown instanceof DatabaseError)) throw thrown;
    const { message, code: sqlstate, position, hint, detail, constraint, table, column } = thrown;
    const place = position === undefined ? {} : { position: Number(position) };
    const error = {
      code: "QUERY_FAILED",
      message,
      sqlstate,
      ...place,
      hint,
      detail,
      constraint,
      table,
      column,
      statement: at,
    };
    return Response.json({ error }, { status: 400 });
  } finally {
    await client.end();
  }
}

/** Ends what the client's session is doing. */
async function cancel(session: Client, config: ClientConfig): Promise<void> {
  const client = new Client(config);
  await client.connect();
  // Not in `pg`'s types: the process behind a session.
  await client.query("select pg_cancel_backend($1)", [
    (session as unknown as { processID: number }).processID,
  ]);
  await client.end();
}

/** Logs in for the cell, and then passes bytes both ways. */
async function relay(
  config: ClientConfig,
  cell: Socket,
  said: Buffer,
  sessions: Set<Disposable>,
): Promise<void> {
  const client = new Client(config);
  client.on("error", () => cell.destroy());
  await client.connect();
  // Not in `pg`'s types: the socket behind a client.
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  for (const event of ["data", "end", "close", "error"]) stream.removeAllListeners(event);
  const session = {
    [Symbol.dispose]() {
      sessions.delete(session);
      stream.destroy();
      cell.destroy();
    },
  };
  sessions.add(session);
  for (const side of [stream, cell]) {
    side.on("error", session[Symbol.dispose]);
    side.on("close", session[Symbol.dispose]);
  }
  // AuthenticationOk, then ReadyForQuery: https://www.postgresql.org/docs/current/protocol-message-formats.html
  cell.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49]));
  stream.write(said);
  stream.pipe(cell);
  cell.pipe(stream);
}
