import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { OpenWorkersError } from "@openworkers/core";
import type { Command } from "commander";
import { platformCommand, withPlatform } from "../commands/context.ts";
import { UsageError } from "../output/failure.ts";
import { formatBytes, formatTable, formatTime } from "../output/format.ts";
import { withAccess } from "./access.ts";

interface Options {
  readonly json?: boolean;
}

interface DumpOptions extends Options {
  readonly force?: boolean;
}

/** How long a dump or a restore may take: far more than any should. */
const minutes = 24 * 60;

export function dumpCommands(): Command[] {
  return [dumpCommand(), restoreCommand(), dumpsCommand()];
}

function dumpCommand(): Command {
  return platformCommand("dump", "Write a database as SQL, as it is at one moment", [
    "ow databases dump shop shop.sql.gz",
    "ow databases dump shop | gzip > shop.sql.gz",
  ])
    .argument("<database>", "name or id")
    .argument("[file]", "compressed when it ends in .gz; standard output without")
    .option("--force", "write over a file that is there")
    .action(async (nameOrId: string, path: string | undefined, options: DumpOptions) => {
      if (options.json && path === undefined) throw new UsageError("With --json, the SQL goes to a FILE.");
      if (path !== undefined && !options.force && existsSync(path)) {
        throw new UsageError(`${path} is there already; --force writes over it.`);
      }
      await withPlatform(options, async (context) => {
        const { output, signal } = context;
        const { dumpDatabase } = await import("@openworkers/postgate");
        await withAccess(context, nameOrId, { scope: "owner", minutes }, async ({ database, connect }) => {
          if (path === undefined) return await toStdout(dumpDatabase(connect, signal));
          await requireFolderOf(path);
          await output.step(`Dump ${database.name}`, async (progress) => {
            const draft = `${path}.part`;
            try {
              const sql = counted(dumpDatabase(connect, signal), progress);
              const pack = path.endsWith(".gz") ? createGzip() : new PassThrough();
              await pipeline(sql, pack, createWriteStream(draft, { mode: 0o600 }), { signal });
              await rename(draft, path);
            } finally {
              await rm(draft, { force: true });
            }
          });
          const { size: bytes } = await stat(path);
          output.result({ database: database.name, file: path, bytes }, `${path}: ${formatBytes(bytes)}`);
        });
      });
    });
}

function restoreCommand(): Command {
  return platformCommand("restore", "Run a dump, or any SQL that psql would run, in one transaction", [
    "ow databases restore shop shop.sql.gz",
    "pg_dump --no-owner --no-privileges old | ow databases restore shop -",
  ])
    .argument("<database>", "name or id")
    .argument("<file>", "compressed or not; - for standard input")
    .action(async (nameOrId: string, path: string, options: Options) => {
      if (path !== "-" && !(await Bun.file(path).exists())) {
        throw new OpenWorkersError("NOT_FOUND", `There is no file ${path}.`);
      }
      await withPlatform(options, async (context) => {
        const { output, signal } = context;
        await withAccess(context, nameOrId, { scope: "owner", minutes }, async ({ database, connect }) => {
          await output.step(`Restore into ${database.name}`, async (progress) => {
            const client = await connect();
            try {
              const source = path === "-" ? Bun.stdin.stream() : createReadStream(path);
              const { restoreDatabase } = await import("@openworkers/postgate");
              await restoreDatabase(client, counted(await unpacked(source), progress), signal);
            } finally {
              await client.end();
            }
          });
          output.result(
            { database: database.name, file: path, restored: true },
            `${database.name} has it all.`,
          );
        });
      });
    });
}

function dumpsCommand(): Command {
  return platformCommand("dumps", "List what is kept of deleted databases", ["ow databases dumps"]).action(
    async (options: Options) => {
      await withPlatform(options, async ({ backend, output }) => {
        const dumps = await backend.databases.dumps();
        const rows = dumps.map(({ name, sizeBytes, expiresAt, host, path }) => [
          name,
          formatBytes(sizeBytes),
          formatTime(expiresAt),
          `${host}: ${path}`,
        ]);
        output.result(
          dumps,
          formatTable(["database", "size", "kept until", "where"], rows, "Nothing is kept."),
        );
      });
    },
  );
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  progress: (text: string) => void,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    progress(formatBytes(bytes));
    yield chunk;
  }
}

/** The content, whether it is compressed or not: gzip begins with two bytes that no SQL does (RFC 1952 §2.3.1). */
async function unpacked(source: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const chunks = source[Symbol.asyncIterator]();
  const { value: first, done } = await chunks.next();
  const whole = async function* (): AsyncGenerator<Uint8Array> {
    if (done) return;
    yield first;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
  };
  if (done || first[0] !== 0x1f || first[1] !== 0x8b) return whole();
  return Readable.from(whole()).compose(createGunzip());
}

async function toStdout(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const writer = Bun.stdout.writer();
  for await (const chunk of chunks) {
    writer.write(chunk);
    // Waits for a reader that is slower than we are.
    await writer.flush();
  }
  await writer.end();
}

// Before anything is dumped for nothing.
async function requireFolderOf(path: string): Promise<void> {
  const folder = dirname(path);
  if (
    await stat(folder).then(
      (found) => found.isDirectory(),
      () => false,
    )
  )
    return;
  throw new OpenWorkersError("INVALID_INPUT", `There is no folder ${folder} for the dump.`, {
    hint: "Make it first, or name a file elsewhere.",
  });
}
