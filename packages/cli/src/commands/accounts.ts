import { allOf, once } from "@openworkers/client";
import type { Command } from "commander";
import { formatTable, formatTime } from "../output/format.ts";
import { type ApiOptions, apiCommand, withApi } from "./api-context.ts";
import { group } from "./context.ts";

interface CreateOptions extends ApiOptions {
  readonly displayName?: string;
}

export function accountsCommand(): Command {
  return group(
    "accounts",
    "Your own account and your organisations; OW_ACCOUNT says which one commands mean",
    ["ow accounts list", "ow accounts create acme", "OW_ACCOUNT=acme ow deploy"],
  )
    .addCommand(
      apiCommand("list", "List the accounts that you act in", ["ow accounts list"]).action(
        async (options: ApiOptions) => {
          await withApi(options, async ({ client, output }) => {
            const accounts = await allOf((query) =>
              client.data(client.api.GET("/v1/accounts", { params: { query } })),
            );
            const rows = accounts.map(({ name, kind, role, createdAt }) => [
              name,
              kind,
              role,
              formatTime(new Date(createdAt)),
            ]);
            output.result(
              accounts,
              formatTable(["name", "kind", "you are", "since"], rows, "There are none."),
            );
          });
        },
      ),
      { isDefault: true },
    )
    .addCommand(
      apiCommand("create", "Make an organisation, which you then own", [
        "ow accounts create acme --display-name 'Acme Inc.'",
      ])
        .argument("<name>")
        .option("--display-name <text>", "as it wants to be called")
        .action(async (name: string, { displayName, ...options }: CreateOptions) => {
          await withApi(options, async ({ client, output }) => {
            const made = await client.data(
              client.api.POST("/v1/accounts", {
                params: { header: once() },
                body: { name, ...(displayName === undefined ? {} : { displayName }) },
              }),
            );
            output.result(
              made,
              `${name} is yours. Work in it: OW_ACCOUNT=${name}. Invite: ow members invite ${name} EMAIL`,
            );
          });
        }),
    )
    .addCommand(
      apiCommand("delete", "Delete an organisation that owns nothing any more", ["ow accounts delete acme"])
        .argument("<name>")
        .action(async (account: string, options: ApiOptions) => {
          await withApi(options, async ({ client, output }) => {
            await client.api.DELETE("/v1/accounts/{account}", { params: { path: { account } } });
            output.result({ name: account, deleted: true }, `${account} is deleted.`);
          });
        }),
    );
}
