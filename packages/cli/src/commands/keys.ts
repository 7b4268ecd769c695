import { allOf, type components } from "@openworkers/client";
import { type Command, Option } from "commander";
import { parseDuration } from "../output/duration.ts";
import { formatTable, formatTime } from "../output/format.ts";
import { type ApiOptions, apiCommand, withApi } from "./api-context.ts";
import { group } from "./context.ts";

type Scope = components["schemas"]["Scope"];

interface KeyOptions extends ApiOptions {
  readonly account?: string;
}

interface CreateOptions extends KeyOptions {
  readonly scope: readonly string[];
  readonly expires?: number;
}

export function keysCommand(): Command {
  return group("keys", "API keys: for CI and programs", [
    "ow keys create ci --scope workers:read workers:write --expires 90d",
    "ow keys list",
    "ow keys revoke ci",
  ])
    .addCommand(createCommand())
    .addCommand(listCommand(), { isDefault: true })
    .addCommand(revokeCommand());
}

const accountOption = () => new Option("--account <name>", "an organisation of yours");

function createCommand(): Command {
  return apiCommand("create", "Make an API key; its text is told once", [
    "ow keys create laptop",
    "ow keys create ci --scope workers:write kv:read --expires 90d --account acme",
  ])
    .argument("<name>")
    .option(
      "--scope <scope...>",
      "what it may do: `<resource>:<read|write|delete>`, or `*` for all you may",
      ["*"],
    )
    .option("--expires <time>", "how long it is good, as 90d (default: until it is revoked)", parseDuration)
    .addOption(accountOption())
    .action(async (name: string, { scope, expires, account, ...options }: CreateOptions) => {
      await withApi(options, async ({ client, output }) => {
        const made = await client.data(
          client.api.POST("/v1/keys", {
            params: { query: account === undefined ? {} : { account } },
            body: {
              name,
              // The API says which there are.
              scopes: scope as Scope[],
              ...(expires === undefined ? {} : { expiresAt: new Date(Date.now() + expires).toISOString() }),
            },
          }),
        );
        output.result(made, made.key);
        output.note("Keep it: it cannot be shown again.");
      });
    });
}

function listCommand(): Command {
  return apiCommand("list", "List your API keys, or those for an organisation", [
    "ow keys list",
    "ow keys list --account acme",
  ])
    .addOption(accountOption())
    .action(async ({ account, ...options }: KeyOptions) => {
      await withApi(options, async ({ client, output }) => {
        const keys = await allOf((page) =>
          client.data(
            client.api.GET("/v1/keys", {
              params: { query: { ...page, ...(account === undefined ? {} : { account }) } },
            }),
          ),
        );
        const rows = keys.map((key) => [
          key.name,
          `${key.prefix}…`,
          key.scopes.join(" "),
          key.account ?? "",
          key.expiresAt === null ? "never" : formatTime(new Date(key.expiresAt)),
          key.lastUsedAt === null ? "never" : formatTime(new Date(key.lastUsedAt)),
        ]);
        output.result(
          keys,
          formatTable(
            ["name", "key", "scopes", "account", "expires", "last used"],
            rows,
            "There are no API keys.",
          ),
        );
      });
    });
}

function revokeCommand(): Command {
  return apiCommand("revoke", "Take an API key away; it opens nothing from then on", ["ow keys revoke ci"])
    .argument("<key>", "name or id")
    .action(async (key: string, options: ApiOptions) => {
      await withApi(options, async ({ client, output }) => {
        await client.api.DELETE("/v1/keys/{key}", { params: { path: { key } } });
        output.result({ key, revoked: true }, `${key} is revoked.`);
      });
    });
}
