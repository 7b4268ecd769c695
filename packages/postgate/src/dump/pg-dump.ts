import { join } from "node:path";
import { OpenWorkersError } from "@openworkers/core";
import type { Client } from "pg";
import { FrameReader, frame } from "./frames.ts";
import { rawQuery } from "./raw-query.ts";

/** The newest server that the pg_dump we bring knows. */
export const newestMajor = 18;

/** A goodbye of pg_dump's, after which it writes what it has made. */
const terminate = "X";
/** Codes in place of a protocol's version: may we encrypt? (PostgreSQL, "Message Formats") */
const encryptionRequests = new Set([80_877_103, 80_877_104]);

/**
 * Runs pg_dump (WebAssembly, a process of its own without credentials or network) over a connection of ours and returns
 * the SQL that it makes. It holds all of it in its memory: made for schemas.
 *
 * @throws OpenWorkersError INTERNAL with what pg_dump says
 */
export async function pgDump(client: Client, args: readonly string[], signal: AbortSignal): Promise<string> {
  const greeting = await startUpAnswer(client);
  await using parts = new AsyncDisposableStack();
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "pg-dump-program.ts"), ...args], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    env: {},
    signal,
    killSignal: "SIGKILL",
  });
  parts.defer(async () => {
    child.kill("SIGKILL");
    await child.exited;
  });
  const said = child.stderr.text();
  const frames = new FrameReader({ startup: true });
  const sql: Uint8Array[] = [];
  let ended = false;
  for await (const chunk of child.stdout) {
    if (ended) {
      sql.push(chunk);
      continue;
    }
    for (const { type, body } of frames.read(chunk)) {
      if (type === terminate) {
        ended = true;
        sql.push(frames.rest);
        break;
      }
      const answer = type === undefined ? startUp(body, frames, greeting) : await ask(client, type, body);
      child.stdin.write(answer);
      await child.stdin.flush();
    }
  }
  const code = await child.exited;
  signal.throwIfAborted();
  if (code !== 0 || !ended) {
    throw new OpenWorkersError("INTERNAL", `pg_dump failed: ${reason(await said)}`);
  }
  return Buffer.concat(sql).toString();
}

function startUp(body: Buffer, frames: FrameReader, greeting: Buffer): Buffer {
  if (encryptionRequests.has(body.readInt32BE(0))) return Buffer.from("N");
  frames.started();
  return greeting;
}

function ask(client: Client, type: string, body: Buffer): Promise<Buffer> {
  if (type !== "Q") throw new Error(`pg_dump sent a message of type ${type}`);
  return rawQuery(client, body.toString("utf8", 0, body.length - 1));
}

/** What a server says to one that has logged in. */
async function startUpAnswer(client: Client): Promise<Buffer> {
  const names = ["server_version", "server_encoding", "client_encoding", "standard_conforming_strings"];
  const { rows } = await client.query<{ name: string; value: string }>(
    "select name, current_setting(name) as value from unnest($1::text[]) name",
    [names],
  );
  return Buffer.concat([
    frame("R", Buffer.alloc(4)),
    ...rows.map(({ name, value }) => frame("S", name, value)),
    frame("K", Buffer.alloc(8)),
    frame("Z", Buffer.from("I")),
  ]);
}

/** What pg_dump means, without how it was called. */
function reason(said: string): string {
  return (/error: ([\s\S]*)/.exec(said)?.[1] ?? said).trim().slice(0, 2_000);
}
