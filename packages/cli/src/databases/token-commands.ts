import { type DatabaseScope, databaseScopes } from "@openworkers/core";
import { type Command, Option } from "commander";
import { group, platformCommand, withPlatform } from "../commands/context.ts";
import { parseDuration } from "../output/duration.ts";
import { formatTable, formatTime } from "../output/format.ts";
import { connectionString } from "./connection-string.ts";

interface Options {
  readonly json?: boolean;
}

interface CreateOptions extends Options {
  readonly name?: string;
  readonly scope: DatabaseScope;
  readonly expires?: number;
}

export function tokensCommand(): Command {
  const tokens = group("tokens", "Tokens: passwords to a database for people and programs", [
    "ow databases tokens create shop --scope read-only --expires 30d",
    "ow databases tokens list shop",
    "ow databases tokens revoke shop reports",
  ]);
  for (const command of [createCommand(), listCommand(), revokeCommand()]) tokens.addCommand(command);
  return tokens;
}

function createCommand(): Command {
  return platformCommand("create", "Make a token, which is shown this once, with a connection string", [
    "ow databases tokens create shop",
    "ow databases tokens create shop --name reports --scope read-only --expires 30d",
    'psql "$(ow databases tokens create shop --expires 1h --json | jq -r .connect)"',
  ])
    .argument("<database>", "name or id")
    .option("--name <name>", "what it is listed as (default: the scope and the time)")
    .addOption(
      new Option("--scope <scope>", "what it may do; owner changes the schema")
        .choices(databaseScopes)
        .default("read-write" satisfies DatabaseScope),
    )
    .addOption(
      new Option("--expires <time>", "when it ends, as in 30d, 12h, 15m (default: never)").argParser(
        parseDuration,
      ),
    )
    .action(async (nameOrId: string, { scope, expires, ...options }: CreateOptions) => {
      await withPlatform(options, async ({ backend: { databases }, output, databaseFaces }) => {
        const database = await databases.get(nameOrId);
        const name = options.name ?? `${scope} ${formatTime(new Date())}`;
        const expiresAt = expires === undefined ? undefined : new Date(Date.now() + expires);
        const { token } = await databases.createToken(database.id, {
          name,
          scope,
          ...(expiresAt === undefined ? {} : { expiresAt }),
        });
        const faces = databaseFaces();
        const connect = connectionString(faces, database.name, token);
        const until = expiresAt === undefined ? "until it is revoked" : `until ${formatTime(expiresAt)}`;
        output.result(
          { name, scope, token, connect, http: faces.http, expiresAt: expiresAt ?? null },
          `${token}\nThis is the only time that it is shown. ${scope}, ${until}.\n  psql "${connect}"\n` +
            `  curl ${faces.http}query -H "authorization: Bearer ${token}" -d '{"sql":"select 1"}'`,
        );
      });
    });
}

function listCommand(): Command {
  return platformCommand("list", "List the tokens of a database", ["ow databases tokens list shop"])
    .argument("<database>", "name or id")
    .action(async (nameOrId: string, options: Options) => {
      await withPlatform(options, async ({ backend, output }) => {
        const { tokens } = await backend.databases.get(nameOrId);
        const rows = tokens.map(({ name, scope, createdAt, expiresAt, lastUsedAt }) => [
          name,
          scope,
          formatTime(createdAt),
          expiresAt === null ? "never" : formatTime(expiresAt),
          lastUsedAt === null ? "never" : formatTime(lastUsedAt),
        ]);
        output.result(
          tokens,
          formatTable(["name", "scope", "created", "expires", "last used"], rows, "There are no tokens."),
        );
      });
    });
}

function revokeCommand(): Command {
  return platformCommand("revoke", "Revoke a token; sessions that it opened are ended", [
    "ow databases tokens revoke shop reports",
  ])
    .argument("<database>", "name or id")
    .argument("<name>")
    .action(async (nameOrId: string, name: string, options: Options) => {
      await withPlatform(options, async ({ backend, output }) => {
        await backend.databases.revokeToken(nameOrId, name);
        output.result({ database: nameOrId, revoked: name }, `${name} opens nothing any more.`);
      });
    });
}
