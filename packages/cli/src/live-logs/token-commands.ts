import type { Command } from "commander";
import { choiceOf, group, platformCommand, withContext, withPlatform } from "../commands/context.ts";
import { openPlatform } from "../commands/platform.ts";
import { parseDuration } from "../output/duration.ts";
import { formatTable, formatTime } from "../output/format.ts";
import { logsAccess } from "./access.ts";

interface Options {
  readonly json?: boolean;
  readonly profile?: string;
  readonly port?: number;
}

interface CreateOptions extends Options {
  readonly name?: string;
  readonly expires: number;
}

const month = "30d";

export function logTokensCommand(): Command {
  const tokens = group("tokens", "Tokens with which others read a worker's logs over HTTP", [
    "ow logs tokens create hello --name grafana --expires 90d",
    "ow logs tokens list hello",
    "ow logs tokens revoke hello grafana",
  ]);
  for (const command of [createCommand(), listCommand(), revokeCommand()]) tokens.addCommand(command);
  return tokens;
}

function createCommand(): Command {
  return platformCommand("create", "Make a token for one worker's logs, which is shown this once", [
    "ow logs tokens create hello",
    "ow logs tokens create hello --name grafana --expires 90d",
  ])
    .argument("<worker>")
    .option("--name <name>", "what it is listed as (default: the time)")
    .option(
      "--expires <time>",
      `when it ends, as in 90d, 12h, 15m (default: ${month})`,
      parseDuration,
      parseDuration(month),
    )
    .action(async (worker: string, options: CreateOptions) => {
      await withContext(options, async ({ output }) => {
        await using platform = await openPlatform(choiceOf(options));
        const { backend, profile } = platform;
        const { name = formatTime(new Date()), expires } = options;
        const expiresAt = new Date(Date.now() + expires);
        const workerId = await backend.workerId(worker);
        const base = await logsAccess(backend, profile, workerId).url();
        const token = await backend.createNamedLogToken(worker, { name, expiresAt });
        const url = new URL(`workers/${workerId}/logs`, base).href;
        output.result(
          { worker, name, token, url, expiresAt },
          `${token}\nThis is the only time that it is shown. ${worker}, until ${formatTime(expiresAt)}.\n` +
            `  curl ${url} -H "authorization: Bearer ${token}"`,
        );
      });
    });
}

function listCommand(): Command {
  return platformCommand("list", "List the tokens for a worker's logs that were made for others", [
    "ow logs tokens list hello",
  ])
    .argument("<worker>")
    .action(async (worker: string, options: Options) => {
      await withPlatform(options, async ({ backend, output }) => {
        const tokens = await backend.logTokens(worker);
        const rows = tokens.map(({ name, createdAt, expiresAt }) => [
          name,
          formatTime(createdAt),
          formatTime(expiresAt),
        ]);
        output.result(tokens, formatTable(["name", "created", "expires"], rows, "There are no tokens."));
      });
    });
}

function revokeCommand(): Command {
  return platformCommand("revoke", "Revoke a token; streams that it opened are ended", [
    "ow logs tokens revoke hello grafana",
  ])
    .argument("<worker>")
    .argument("<name>")
    .action(async (worker: string, name: string, options: Options) => {
      await withPlatform(options, async ({ backend, output }) => {
        await backend.revokeLogToken(worker, name);
        output.result({ worker, revoked: name }, `${name} reads nothing any more, within some 20 seconds.`);
      });
    });
}
