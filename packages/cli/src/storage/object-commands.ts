import {
  checkKey,
  checkMetadata,
  type ListEntryName,
  OpenWorkersError,
  type StoredObject,
} from "@openworkers/core";
import { type Command, Option } from "commander";
import { integer, platformCommand, withPlatform } from "../commands/context.ts";
import { UsageError } from "../output/failure.ts";
import { formatBytes, formatTable, formatTime } from "../output/format.ts";
import { printable } from "../output/printable.ts";
import { withProgress } from "./progress.ts";
import { putStream } from "./put-stream.ts";

interface Options {
  readonly json?: boolean;
}

interface PutOptions extends Options {
  readonly contentType?: string;
  readonly cacheControl?: string;
  readonly metadata: Readonly<Record<string, string>>;
}

interface GetOptions extends Options {
  readonly out?: string;
}

interface ListOptions extends Options {
  readonly prefix: string;
  readonly delimiter?: string;
  readonly limit: number;
}

export function objectCommands(): Command[] {
  return [listCommand(), getCommand(), putCommand(), deleteCommand()];
}

function objectCommand(name: string, summary: string, examples: readonly string[]): Command {
  return platformCommand(name, summary, examples).argument("<bucket>", "name or id");
}

function listCommand(): Command {
  return objectCommand("list", "List objects, in the order of their keys' bytes", [
    "ow storage list files --prefix images/",
    "ow storage list files --delimiter /",
  ])
    .option("--prefix <prefix>", "only keys that begin with it", "")
    .option("--delimiter <text>", "group keys up to it, as / does folders")
    .addOption(
      new Option("--limit <objects>", "at most so many").default(1_000).argParser(integer(1, 1_000_000)),
    )
    .action(async (nameOrId: string, { prefix, delimiter, limit, ...options }: ListOptions) => {
      await withPlatform(options, async ({ backend, output }) => {
        const { store } = await backend.bucket(nameOrId);
        const objects: StoredObject[] = [];
        const prefixes: string[] = [];
        let after: ListEntryName | undefined;
        let more = true;
        while (more && objects.length + prefixes.length < limit) {
          const count = Math.min(1_000, limit - objects.length - prefixes.length);
          const page = await store.list({ prefix, delimiter, after, limit: count, metadata: false });
          for (const entry of page.entries) {
            if ("prefix" in entry) prefixes.push(entry.prefix);
            else objects.push(entry.object);
            after = "prefix" in entry ? { prefix: entry.prefix } : { key: entry.object.key };
          }
          more = page.more;
        }
        const rows = [
          ...prefixes.map((name) => [printable(name), "", ""]),
          ...objects.map(({ key, size, uploadedAt }) => [
            printable(key),
            formatBytes(size),
            formatTime(uploadedAt),
          ]),
        ];
        output.result(
          { objects: objects.map(summary), prefixes, complete: !more },
          formatTable(["key", "size", "uploaded"], rows, "There are no such objects."),
        );
        if (more) output.note(`There are more: --limit ${limit * 10}`);
      });
    });
}

function getCommand(): Command {
  return objectCommand("get", "Write an object to standard output or into a file", [
    "ow storage get files logo.png > logo.png",
    "ow storage get files logo.png --out logo.png --json",
  ])
    .argument("<key>")
    .option("--out <file>", "the file to write; with --json, what is known of the object is printed")
    .action(async (nameOrId: string, key: string, options: GetOptions) => {
      if (options.json && options.out === undefined) {
        throw new UsageError("--json prints what is known of the object; its content goes to --out FILE.");
      }
      await withPlatform(options, async ({ backend, output, signal }) => {
        const { bucket, store } = await backend.bucket(nameOrId);
        const found = await store.get(key, { signal });
        if (found?.body === undefined) {
          throw new OpenWorkersError(
            "NOT_FOUND",
            `There is no object "${printable(key)}" in ${bucket.name}.`,
            {
              hint: `List those that there are: ow storage list ${bucket.name}`,
            },
          );
        }
        const writer = (options.out === undefined ? Bun.stdout : Bun.file(options.out)).writer();
        for await (const chunk of withProgress(found.body, output, found.object.size)) {
          writer.write(chunk);
          // Waits for a reader that is slower than we are.
          await writer.flush();
        }
        await writer.end();
        if (options.out !== undefined) {
          output.result(summary(found.object), `${options.out}: ${formatBytes(found.object.size)}`);
        }
      });
    });
}

function putCommand(): Command {
  return objectCommand("put", "Put an object, from a file or standard input", [
    "ow storage put files logo.png ./logo.png --content-type image/png",
    "pg_dump shop | ow storage put files backups/shop.sql",
  ])
    .argument("<key>")
    .argument("[file]", "standard input without")
    .option("--content-type <type>", "such as text/plain; by the file's name unless given")
    .option("--cache-control <value>", "such as max-age=3600")
    .addOption(
      new Option("--metadata <name=value...>", "custom metadata").default({}).argParser(parseMetadata),
    )
    .action(async (nameOrId: string, key: string, path: string | undefined, options: PutOptions) => {
      checkKey(key);
      checkMetadata(options.metadata);
      const file = path === undefined ? undefined : Bun.file(path);
      if (file !== undefined && !(await file.exists())) {
        throw new OpenWorkersError("NOT_FOUND", `There is no file ${path}.`, {
          hint: `Name one that is there, or pipe the content: ow storage put ${nameOrId} ${printable(key)} < FILE`,
        });
      }
      await withPlatform(options, async ({ backend, output, signal }) => {
        const { bucket, store } = await backend.bucket(nameOrId);
        const stream = withProgress(file?.stream() ?? Bun.stdin.stream(), output, file?.size);
        const metadata = {
          http: { contentType: options.contentType ?? file?.type, cacheControl: options.cacheControl },
          custom: options.metadata,
          storageClass: "Standard",
        };
        const stored = await putStream(store, key, stream, metadata, signal);
        output.result(
          summary(stored),
          `Put ${printable(key)} into ${bucket.name}: ${formatBytes(stored.size)}`,
        );
      });
    });
}

function deleteCommand(): Command {
  return objectCommand("delete", "Delete objects", ["ow storage delete files logo.png old/logo.png"])
    .argument("<key...>")
    .action(async (nameOrId: string, keys: string[], options: Options) => {
      await withPlatform(options, async ({ backend, output }) => {
        const { bucket, store } = await backend.bucket(nameOrId);
        await store.delete(keys);
        output.result(
          { bucket: bucket.name, deleted: keys },
          `Deleted ${printable(keys.join(", "))}, if it was there.`,
        );
      });
    });
}

function summary({ key, size, etag, uploadedAt, http, custom }: StoredObject) {
  return { key, size, etag, uploadedAt, http, custom };
}

function parseMetadata(text: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new UsageError(`--metadata: "${text}" is not NAME=VALUE.`);
  return { ...before, [name]: value };
}
