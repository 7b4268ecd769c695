import type { Command } from "commander";
import { type ApiOptions, apiCommand, withApi } from "./api-context.ts";

export function whoamiCommand(): Command {
  return apiCommand("whoami", "Say who is signed in, and where", ["ow whoami"]).action(
    async (options: ApiOptions) => {
      await withApi(options, async ({ client, output }) => {
        const { name, id, kind, isOperator } = await client.data(client.api.GET("/v1/account"));
        output.result(
          { name, id, kind, isOperator, url: client.url },
          `${name}${isOperator ? " (operator)" : ""} at ${client.url}`,
        );
      });
    },
  );
}
