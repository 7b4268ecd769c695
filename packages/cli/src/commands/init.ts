import type { Command } from "commander";
import { scaffold } from "../init/scaffold.ts";
import { command, withContext } from "./context.ts";

interface Options {
  readonly json?: boolean;
  readonly name?: string;
}

export function initCommand(): Command {
  return command("init", "Make a new TypeScript worker", ["ow init hello", "ow init . --name hello"])
    .argument("[dir]", "where", ".")
    .option("--name <name>", "the worker's name (default: the folder's)")
    .action(async (folder: string, options: Options) => {
      await withContext(options, async ({ output }) => {
        const { name, files } = await scaffold(folder, options.name);
        const steps = [...(folder === "." ? [] : [`cd ${folder}`]), "npm install", `${programName()} deploy`];
        output.result(
          { worker: name, folder, files },
          `Made ${files.join(", ")}.\nNext: ${steps.join(" && ")}`,
        );
      });
    });
}

// Who came with npx may have no `ow` in the PATH.
function programName(): string {
  return process.env.npm_lifecycle_event === "npx" ? "npx ow" : "ow";
}
