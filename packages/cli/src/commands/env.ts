import { OpenWorkersError } from "@openworkers/core";
import type { Command } from "commander";
import { readDotenv } from "../dotenv.ts";
import { UsageError } from "../output/failure.ts";
import { formatTable, formatTime } from "../output/format.ts";
import { group, platformCommand, withPlatform } from "./context.ts";

interface Options {
  readonly json?: boolean;
}

export function envCommand(): Command {
  const env = group("env", "The plain values in a worker's environment", [
    "ow env set hello GREETING=hi COLOUR=blue",
    "ow env list hello",
    "ow env import hello .env",
  ]);
  env
    .addCommand(
      platformCommand("list", "List the values; secrets by name only", ["ow env list hello"])
        .argument("<worker>")
        .action(async (worker: string, options: Options) => {
          await withPlatform(options, async ({ backend, output }) => {
            const values = await backend.values(worker);
            const rows = values.map(({ name, kind, value, updatedAt }) => [
              name,
              kind === "secret" ? "(secret)" : (value ?? ""),
              formatTime(updatedAt),
            ]);
            output.result(
              values,
              formatTable(["name", "value", "changed"], rows, `${worker}'s environment is empty.`),
            );
          });
        }),
    )
    .addCommand(
      platformCommand("set", "Set values, all at once", ["ow env set hello GREETING=hi COLOUR=blue"])
        .argument("<worker>")
        .argument("<assignment...>", "NAME=value")
        .action(async (worker: string, assignments: string[], options: Options) => {
          const values = new Map(assignments.map(parseAssignment));
          await withPlatform(options, async ({ backend, output }) => {
            await backend.setVars(worker, values);
            output.result({ worker, set: [...values.keys()] }, `Set ${[...values.keys()].join(", ")}.`);
          });
        }),
    )
    .addCommand(
      platformCommand("unset", "Remove values", ["ow env unset hello GREETING"])
        .argument("<worker>")
        .argument("<name...>")
        .action(async (worker: string, names: string[], options: Options) => {
          await withPlatform(options, async ({ backend, output }) => {
            const removed = await backend.unset(worker, "var", names);
            output.result(
              { worker, removed },
              removed.length === 0 ? "None of them was set." : `Removed ${removed.join(", ")}.`,
            );
          });
        }),
    )
    .addCommand(
      platformCommand("import", "Set every value of a dotenv file, all at once", [
        "ow env import hello .env.production",
      ])
        .argument("<worker>")
        .argument("<file>")
        .action(async (worker: string, file: string, options: Options) => {
          const values = await readDotenv(file);
          if (values.size === 0) throw new OpenWorkersError("INVALID_INPUT", `${file} holds no values.`);
          await withPlatform(options, async ({ backend, output }) => {
            await backend.setVars(worker, values);
            output.result({ worker, set: [...values.keys()] }, `Set ${values.size} values from ${file}.`);
          });
        }),
    );
  return env;
}

function parseAssignment(text: string): [name: string, value: string] {
  const equals = text.indexOf("=");
  if (equals <= 0) throw new UsageError(`"${text}" is not NAME=value.`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}
