import { type DatabaseLimits, isOpenWorkersError, OpenWorkersError } from "@openworkers/core";
import { parseAddress } from "@openworkers/db";
import type { Command } from "commander";
import type { DatabaseSummary } from "../backend/databases.ts";
import { type PlatformContext, platformCommand, withPlatform } from "../commands/context.ts";
import { UsageError } from "../output/failure.ts";
import { formatBytes, formatTable, formatTime } from "../output/format.ts";
import { printable } from "../output/printable.ts";
import { ask, askHidden, readStdin } from "../output/prompt.ts";
import { connectionString } from "./connection-string.ts";
import { firstUse, isServed, knownFaces } from "./first-use.ts";
import { judgeHost } from "./judge-host.ts";
import { formatLimit, parseLimits } from "./limits.ts";

interface Options {
  readonly json?: boolean;
}

interface DeleteOptions extends Options {
  readonly yes?: boolean;
  readonly dump: boolean;
}

interface CreateOptions extends Options {
  readonly limit: readonly string[];
  readonly url?: string | true;
}

/** How often the end of a deletion is asked for. */
const pollMs = 100;

export function databaseCommands(): Command[] {
  return [
    createCommand(),
    listCommand(),
    showCommand(),
    renameCommand(),
    limitsCommand(),
    forkCommand(),
    deleteCommand(),
  ];
}

function createCommand(): Command {
  return platformCommand("create", "Create a database", [
    "ow databases create shop",
    "ow databases create shop --limit sizeBytes=10GB statementMs=60s",
    "ow databases create crm --url postgres://app:secret@db.example.com/crm",
  ])
    .argument("<name>")
    .option("--limit <name=value...>", "limits other than the defaults", [])
    .option(
      "--url [url]",
      "a database on a server of your own; without a value asks for it, or reads it from stdin: other users of the machine see the arguments of commands",
    )
    .action(async (name: string, options: CreateOptions) => {
      const limits = parseLimits(options.limit);
      await withPlatform(options, async (context) => {
        const { backend, output, signal } = context;
        const url = await urlOf(options.url, signal);
        if (url !== undefined) await judgeHost(parseAddress(url));
        const made = await backend.databases.create({ name, limits, ...(url === undefined ? {} : { url }) });
        await output.step(url === undefined ? "Make it" : "Connect to it", () => firstUse(context, made.id));
        output.result(
          await backend.databases.get(made.id),
          `Created ${name}. Bind it in wrangler.jsonc:\n` +
            `  "d1_databases": [{ "binding": "DB", "database_name": "${name}" }]\n` +
            `or for PostgreSQL drivers:\n` +
            `  "hyperdrive": [{ "binding": "DB", "id": "${name}" }]\n` +
            `A connection string for people and tools: ow databases tokens create ${name}`,
        );
      });
    });
}

async function urlOf(given: string | true | undefined, signal: AbortSignal): Promise<string | undefined> {
  if (given !== true) return given;
  const text = process.stdin.isTTY ? await askHidden("URL: ", signal) : await readStdin();
  return text.trim();
}

function listCommand(): Command {
  return platformCommand("list", "List the databases", ["ow databases list"]).action(
    async (options: Options) => {
      await withPlatform(options, async ({ backend, output }) => {
        const list = await backend.databases.list();
        const failed = list.filter(({ deletionFailure }) => deletionFailure !== null);
        const rows = list.map((database) => [
          database.name,
          database.id,
          database.owner,
          stateOf(database),
          database.sizeBytes === null ? "" : formatBytes(database.sizeBytes),
          formatTime(database.createdAt),
        ]);
        const empty = "There are no databases. Create one: ow databases create NAME";
        const table = formatTable(["name", "id", "owner", "state", "size", "created"], rows, empty);
        const why = failed.map(
          ({ name, id, deletionFailure }) =>
            `\n${name} could not be deleted, which is tried again: ${printable(deletionFailure ?? "")}\n` +
            `  without a dump: ow databases delete ${id} --no-dump`,
        );
        output.result(list, [table, ...why].join("\n"));
      });
    },
  );
}

function stateOf({ kind, state, full }: DatabaseSummary): string {
  if (state === "deleting") return "deleting";
  if (kind === "external") return "own server";
  if (state === "wanted") return "not used yet";
  return full ? "full" : "ready";
}

function showCommand(): Command {
  return platformCommand("show", "Show a database: its size, limits, tokens, and who binds it", [
    "ow databases show shop",
  ])
    .argument("<database>", "name or id")
    .action(async (nameOrId: string, options: Options) => {
      await withPlatform(options, async ({ backend, output, databaseFaces }) => {
        const database = await backend.databases.get(nameOrId);
        const faces = knownFaces(databaseFaces);
        const connect = faces === undefined ? undefined : connectionString(faces, database.name, "TOKEN");
        const { name, id, sizeBytes, limits, users, tokens } = database;
        const size = sizeBytes === null ? "not measured yet" : formatBytes(sizeBytes);
        output.result(
          { ...database, ...(connect === undefined ? {} : { connect }) },
          [
            `${name}  ${id}`,
            `  state    ${stateOf(database)}`,
            `  size     ${size} of ${formatBytes(limits.sizeBytes)}`,
            ...(connect === undefined ? [] : [`  connect  ${connect}`]),
            ...(users === undefined
              ? []
              : [
                  `  bound by ${users.length === 0 ? "nobody" : users.map(({ worker, binding }) => `${worker} (as ${binding})`).join(", ")}`,
                ]),
            `  tokens   ${tokens.length === 0 ? "none" : tokens.map(({ name: token, scope }) => `${token} (${scope})`).join(", ")}`,
            `  limits   ${formatLimits(limits)}`,
          ].join("\n"),
        );
      });
    });
}

function formatLimits(limits: DatabaseLimits): string {
  return Object.entries(limits)
    .map(([name, value]) => `${name} ${formatLimit(name, value)}`)
    .join("\n           ");
}

function renameCommand(): Command {
  return platformCommand("rename", "Give a database another name; what is bound to it stays bound", [
    "ow databases rename shop store",
  ])
    .argument("<database>", "name or id")
    .argument("<name>")
    .action(async (nameOrId: string, name: string, options: Options) => {
      await withPlatform(options, async ({ backend, output }) => {
        const { id } = await backend.databases.get(nameOrId);
        await backend.databases.rename(nameOrId, name);
        output.result({ id, name }, `${nameOrId} is ${name} now.`);
      });
    });
}

function limitsCommand(): Command {
  return platformCommand("limits", "Set limits of a database; without any, show them", [
    "ow databases limits shop statementMs=60s sizeBytes=10GB",
  ])
    .argument("<database>", "name or id")
    .argument("[name=value...]")
    .action(async (nameOrId: string, texts: string[], options: Options) => {
      const wanted = parseLimits(texts);
      await withPlatform(options, async ({ backend: { databases }, output }) => {
        const limits =
          texts.length === 0
            ? (await databases.get(nameOrId)).limits
            : await databases.limit(nameOrId, wanted);
        const rows = Object.entries(limits).map(([name, value]) => [name, formatLimit(name, value)]);
        output.result(limits, formatTable(["limit", "value"], rows, ""));
      });
    });
}

function forkCommand(): Command {
  return platformCommand(
    "fork",
    "Make a copy of a database; sessions on it are ended for as long as that takes",
    ["ow databases fork shop shop-staging"],
  )
    .argument("<database>", "name or id")
    .argument("<name>", "the copy's")
    .action(async (nameOrId: string, name: string, options: Options) => {
      await withPlatform(options, async (context) => {
        const { backend, output } = context;
        const made = await backend.databases.create({ name, limits: {}, fork: nameOrId });
        await output.step(`Copy ${nameOrId}`, () => firstUse(context, made.id));
        output.result(await backend.databases.get(made.id), `${name} is a copy of ${nameOrId}.`);
      });
    });
}

function deleteCommand(): Command {
  return platformCommand("delete", "Delete a database; a dump of it is kept for 7 days", [
    "ow databases delete shop",
    "ow databases delete shop --yes",
    "ow databases delete shop --no-dump",
  ])
    .argument("<database>", "name or id")
    .option("--yes", "do not ask for its name")
    .option("--no-dump", "keep none; also for a database whose deletion fails at it")
    .action(async (nameOrId: string, options: DeleteOptions) => {
      if (!options.yes && !process.stdin.isTTY) {
        throw new UsageError("Deleting a database asks for its name; give --yes where nobody can answer.");
      }
      await withPlatform(options, async (context) => {
        const { backend, output, signal } = context;
        const { name, kind } = await nameAndKind(backend, nameOrId, options.dump);
        if (!options.yes) {
          const answer = await ask(`Delete ${name} with all that is in it? Type its name: `, signal);
          if (answer.trim() !== name) throw new UsageError("That is not its name; nothing is deleted.");
        }
        const { id } = await backend.databases.delete(nameOrId, { keepDump: options.dump });
        if (!isServed(context)) {
          const later = `${name} is being deleted: it can no longer be used, and goes when the database service runs.`;
          return output.result({ id, name, deleted: false }, later);
        }
        const step = options.dump ? "Keep a dump of it, and delete it" : "Delete it";
        await output.step(step, () => untilDeleted(context, id));
        const { dump } = await backend.databases.deletion(id);
        output.result(
          { id, name, deleted: true, dump: dump ?? null },
          dump !== undefined
            ? `${name} is deleted. Until ${formatTime(dump.expiresAt)} a dump of it is on ${dump.host}: ${dump.path}`
            : kind === "external"
              ? `${name} is disconnected; what is in it stays on its server.`
              : `${name} is deleted. ${options.dump ? "It had never been used." : "Nothing is kept of it."}`,
        );
      });
    });
}

/** Of a database that is being deleted, which only its deletion without a dump may name, as far as it is known. */
async function nameAndKind(
  { databases }: PlatformContext["backend"],
  nameOrId: string,
  dump: boolean,
): Promise<Pick<DatabaseSummary, "name" | "kind">> {
  try {
    return await databases.get(nameOrId);
  } catch (thrown) {
    if (dump || !isOpenWorkersError(thrown, "NOT_FOUND")) throw thrown;
    return { name: nameOrId, kind: "platform" };
  }
}

async function untilDeleted({ backend, signal }: PlatformContext, id: string): Promise<void> {
  for (;;) {
    const { done, failure } = await backend.databases.deletion(id);
    if (done) return;
    if (failure !== null) {
      throw new OpenWorkersError("CONFLICT", `It is not deleted yet, and can no longer be used: ${failure}`, {
        hint: `It is tried again. Without a dump: ow databases delete ${id} --no-dump`,
      });
    }
    if (signal.aborted) {
      throw new OpenWorkersError("CONFLICT", "The database can no longer be used; its deletion goes on.", {
        hint: "Where its dump will be: ow databases dumps",
      });
    }
    await Bun.sleep(pollMs);
  }
}
