import { OpenWorkersError } from "@openworkers/core";
import { type Command, Option } from "commander";
import { integer, platformCommand, withPlatform } from "../commands/context.ts";
import { UsageError } from "../output/failure.ts";
import { formatTable, formatTime } from "../output/format.ts";
import { printable } from "../output/printable.ts";
import { readBulk, textOf, writeBulk } from "./bulk.ts";

interface Options {
  readonly json?: boolean;
}

interface PutOptions extends Options {
  readonly path?: string;
  readonly ttl?: number;
  readonly expiration?: number;
  readonly metadata?: unknown;
}

interface ListOptions extends Options {
  readonly prefix: string;
  readonly limit: number;
}

/** Keys that `ow kv list` shows unless it is told otherwise. */
const shownKeys = 1_000;

export function kvEntryCommands(): Command[] {
  return [listCommand(), getCommand(), putCommand(), deleteCommand(), importCommand(), exportCommand()];
}

function listCommand(): Command {
  return entryCommand("list", "List keys, in the order of their bytes", [
    "ow kv list settings --prefix user:",
  ])
    .option("--prefix <prefix>", "only keys that begin with it", "")
    .addOption(
      new Option("--limit <keys>", "at most so many").default(shownKeys).argParser(integer(1, 1_000_000)),
    )
    .action(async (nameOrId: string, { prefix, limit, ...options }: ListOptions) => {
      await withPlatform(options, async ({ backend, output }) => {
        const keys = [];
        for await (const key of (await backend.kv(nameOrId)).list(prefix)) {
          if (keys.push(key) > limit) break;
        }
        const complete = keys.length <= limit;
        const shown = keys.slice(0, limit);
        const rows = shown.map(({ name, expiration, metadata }) => [
          printable(name),
          expiration === undefined ? "" : formatTime(new Date(expiration * 1_000)),
          metadata === undefined ? "" : printable(JSON.stringify(metadata)),
        ]);
        output.result(
          { keys: shown, complete },
          formatTable(["key", "expires", "metadata"], rows, "There are no such keys."),
        );
        if (!complete) output.note(`There are more: --limit ${limit * 10}, or ow kv export.`);
      });
    });
}

function getCommand(): Command {
  return entryCommand("get", "Write a value to standard output, as it is", [
    "ow kv get settings colour",
    "ow kv get files logo.png > logo.png",
  ])
    .argument("<key>")
    .action(async (nameOrId: string, key: string, options: Options) => {
      await withPlatform(options, async ({ backend, output }) => {
        const found = await (await backend.kv(nameOrId)).get(key);
        if (found === undefined) {
          throw new OpenWorkersError("NOT_FOUND", `There is no key "${key}" in ${nameOrId}.`, {
            hint: `List those that there are: ow kv list ${nameOrId}`,
          });
        }
        const { value, name, ...more } = found;
        if (output.json) output.result({ key: name, ...textOf(await whole(value)), ...more }, "");
        else await toStdout(value);
      });
    });
}

function putCommand(): Command {
  return entryCommand("put", "Put a value, from the command line, a file or standard input", [
    "ow kv put settings colour blue --ttl 3600",
    'ow kv put files logo.png --path logo.png --metadata \'{"type":"image/png"}\'',
    "date | ow kv put settings now",
  ])
    .argument("<key>")
    .argument("[value]")
    .option("--path <file>", "the file whose content is the value")
    .addOption(new Option("--ttl <seconds>", "how long it stays, 60 at least").argParser(integer(0, 2 ** 40)))
    .addOption(
      new Option("--expiration <time>", "until when it stays, in seconds since 1970").argParser(
        integer(0, 2 ** 43),
      ),
    )
    .addOption(new Option("--metadata <json>", "1,024 bytes at most").argParser(parseJson))
    .action(async (nameOrId: string, key: string, value: string | undefined, options: PutOptions) => {
      if (value !== undefined && options.path !== undefined) {
        throw new UsageError("Give the value or --path, not both.");
      }
      const { ttl, expiration, metadata } = options;
      await withPlatform(options, async ({ backend, output }) => {
        const access = await backend.kv(nameOrId);
        const { namespace } = access;
        await access.put(key, source(value, options.path), {
          ...(ttl === undefined ? {} : { expirationTtl: ttl }),
          ...(expiration === undefined ? {} : { expiration }),
          ...(metadata === undefined ? {} : { metadata }),
        });
        output.result({ namespace: namespace.name, key }, `Put ${printable(key)} into ${namespace.name}.`);
      });
    });
}

function deleteCommand(): Command {
  return entryCommand("delete", "Delete keys", ["ow kv delete settings colour"])
    .argument("<key...>")
    .action(async (nameOrId: string, keys: string[], options: Options) => {
      await withPlatform(options, async ({ backend, output }) => {
        const access = await backend.kv(nameOrId);
        for (const key of keys) await access.delete(key);
        output.result(
          { namespace: access.namespace.name, deleted: keys },
          `Deleted ${printable(keys.join(", "))}, if it was there.`,
        );
      });
    });
}

function importCommand(): Command {
  return entryCommand("import", "Put every entry of a JSON file, in wrangler's bulk format", [
    "ow kv import settings settings.json",
    "ow kv export old | ow kv import new -",
  ])
    .argument("<file>", "- for standard input")
    .action(async (nameOrId: string, file: string, options: Options) => {
      await withPlatform(options, async ({ backend, output, signal }) => {
        const access = await backend.kv(nameOrId);
        let imported = 0;
        for await (const entry of readBulk(source(undefined, file === "-" ? undefined : file))) {
          signal.throwIfAborted();
          await access.put(entry.key, chunks(entry.value), entry.options);
          imported += 1;
        }
        output.result(
          { namespace: access.namespace.name, imported },
          `Put ${imported} entries into ${access.namespace.name}.`,
        );
      });
    });
}

function exportCommand(): Command {
  return entryCommand("export", "Write every entry to standard output, as `ow kv import` reads it", [
    "ow kv export settings > settings.json",
  ])
    .option("--prefix <prefix>", "only keys that begin with it", "")
    .action(async (nameOrId: string, options: ListOptions) => {
      await withPlatform(options, async ({ backend, signal }) => {
        const access = await backend.kv(nameOrId);
        const text = async function* () {
          let before = "[\n";
          for await (const key of access.list(options.prefix)) {
            signal.throwIfAborted();
            const found = await access.get(key.name);
            // Deleted, or expired, since it was listed.
            if (found === undefined) continue;
            yield encoder.encode(before + writeBulk(found, await whole(found.value)));
            before = ",\n";
          }
          yield encoder.encode(before === ",\n" ? "\n]\n" : "[]\n");
        };
        await toStdout(text());
      });
    });
}

function entryCommand(name: string, summary: string, examples: readonly string[]): Command {
  return platformCommand(name, summary, examples).argument("<namespace>", "name or id");
}

const encoder = new TextEncoder();

function source(value: string | undefined, path: string | undefined): AsyncIterable<Uint8Array> {
  if (value !== undefined) return chunks(encoder.encode(value));
  if (path === undefined) return Bun.stdin.stream();
  return fileChunks(path);
}

async function* chunks(value: Uint8Array): AsyncGenerator<Uint8Array> {
  yield value;
}

async function* fileChunks(path: string): AsyncGenerator<Uint8Array> {
  const file = Bun.file(path);
  if (!(await file.exists())) throw new OpenWorkersError("NOT_FOUND", `There is no file ${path}.`);
  yield* file.stream();
}

async function whole(value: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return Buffer.concat(await Array.fromAsync(value));
}

async function toStdout(value: AsyncIterable<Uint8Array>): Promise<void> {
  const writer = Bun.stdout.writer();
  for await (const chunk of value) {
    writer.write(chunk);
    // Waits for a reader that is slower than we are.
    await writer.flush();
  }
  await writer.end();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`--metadata: "${text}" is not JSON. A text needs its quotes: '"text"'.`);
  }
}
