import type { Command } from "commander";
import { UsageError } from "../output/failure.ts";
import { ask } from "../output/prompt.ts";
import { platformCommand, withPlatform } from "./context.ts";

interface Options {
  readonly json?: boolean;
  readonly yes?: boolean;
}

export function deleteCommand(): Command {
  return platformCommand("delete", "Delete a worker with all its versions, domains, routes and values", [
    "ow delete hello",
    "ow delete hello --yes",
  ])
    .argument("<worker>")
    .option("--yes", "do not ask for its name")
    .action(async (name: string, options: Options) => {
      if (!options.yes && !process.stdin.isTTY) {
        throw new UsageError("Deleting a worker asks for its name; give --yes where nobody can answer.");
      }
      await withPlatform(options, async ({ backend, output, signal }) => {
        const worker = await backend.worker(name);
        if (!options.yes) {
          const answer = await ask(
            `Delete ${name} with ${worker.versions} version${worker.versions === 1 ? "" : "s"}? Type its name: `,
            signal,
          );
          if (answer.trim() !== name) throw new UsageError("That is not its name; nothing is deleted.");
        }
        await backend.deleteWorker(name);
        output.result({ worker: name, deleted: true }, `${name} is deleted.`);
      });
    });
}
