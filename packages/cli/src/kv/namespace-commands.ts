import type { Command } from "commander";
import { platformCommand, withPlatform } from "../commands/context.ts";
import { UsageError } from "../output/failure.ts";
import { formatTable, formatTime } from "../output/format.ts";
import { ask } from "../output/prompt.ts";

interface Options {
  readonly json?: boolean;
  readonly yes?: boolean;
}

export function kvNamespaceCommands(): Command[] {
  return [
    platformCommand("create", "Create a namespace", ["ow kv create settings"])
      .argument("<name>")
      .action(async (name: string, options: Options) => {
        await withPlatform(options, async ({ backend, output }) => {
          const made = await backend.createKvNamespace(name);
          output.result(
            made,
            `Created ${name}. Bind it in wrangler.jsonc:\n` +
              `  "kv_namespaces": [{ "binding": "KV", "id": "${made.id}" }]`,
          );
        });
      }),
    platformCommand("namespaces", "List the namespaces", ["ow kv namespaces"]).action(
      async (options: Options) => {
        await withPlatform(options, async ({ backend, output }) => {
          const namespaces = await backend.kvNamespaces();
          const rows = namespaces.map(({ name, id, owner, createdAt }) => [
            name,
            id,
            owner,
            formatTime(createdAt),
          ]);
          output.result(
            namespaces,
            formatTable(
              ["name", "id", "owner", "created"],
              rows,
              "There are no KV namespaces. Create one: ow kv create NAME",
            ),
          );
        });
      },
    ),
    platformCommand("delete-namespace", "Delete a namespace with all that is in it", [
      "ow kv delete-namespace settings",
      "ow kv delete-namespace settings --yes",
    ])
      .argument("<namespace>", "name or id")
      .option("--yes", "do not ask for its name")
      .action(async (nameOrId: string, options: Options) => {
        if (!options.yes && !process.stdin.isTTY) {
          throw new UsageError("Deleting a namespace asks for its name; give --yes where nobody can answer.");
        }
        await withPlatform(options, async ({ backend, output, signal }) => {
          const { namespace } = await backend.kv(nameOrId);
          if (!options.yes) {
            const answer = await ask(
              `Delete ${namespace.name} with all that is in it? Type its name: `,
              signal,
            );
            if (answer.trim() !== namespace.name)
              throw new UsageError("That is not its name; nothing is deleted.");
          }
          await backend.deleteKvNamespace(namespace.id);
          output.result({ ...namespace, deleted: true }, `${namespace.name} is deleted.`);
        });
      }),
  ];
}
