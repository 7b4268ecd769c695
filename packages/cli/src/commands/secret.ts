import { generateSealingKey } from "@openworkers/core";
import type { Command } from "commander";
import { UsageError } from "../output/failure.ts";
import { formatTable, formatTime } from "../output/format.ts";
import { askHidden, readStdin } from "../output/prompt.ts";
import { command, group, platformCommand, withContext, withPlatform } from "./context.ts";

interface Options {
  readonly json?: boolean;
}

export function secretCommand(): Command {
  const secret = group("secret", "Values that only the worker can read", [
    "ow secret put hello API_KEY",
    'printf %s "$API_KEY" | ow secret put hello API_KEY',
    "ow secret list hello",
  ]);
  secret
    .addCommand(
      platformCommand("put", "Set a secret, from standard input or a hidden prompt", [
        "ow secret put hello API_KEY",
      ])
        .argument("<worker>")
        .argument("<name>")
        .action(async (worker: string, name: string, options: Options) => {
          await withPlatform(options, async ({ backend, output, signal }) => {
            const value = process.stdin.isTTY
              ? await askHidden(`${name}: `, signal)
              : (await readStdin()).replace(/\r?\n$/, "");
            if (value === "") throw new UsageError("The secret is empty.");
            await backend.setSecrets(worker, new Map([[name, value]]));
            output.result({ worker, name }, `${name} is set.`);
          });
        }),
    )
    .addCommand(
      platformCommand("list", "List the secrets' names", ["ow secret list hello"])
        .argument("<worker>")
        .action(async (worker: string, options: Options) => {
          await withPlatform(options, async ({ backend, output }) => {
            const secrets = (await backend.values(worker)).filter(({ kind }) => kind === "secret");
            const rows = secrets.map(({ name, updatedAt }) => [name, formatTime(updatedAt)]);
            output.result(secrets, formatTable(["name", "changed"], rows, `${worker} has no secrets.`));
          });
        }),
    )
    .addCommand(
      platformCommand("delete", "Remove secrets", ["ow secret delete hello API_KEY"])
        .argument("<worker>")
        .argument("<name...>")
        .action(async (worker: string, names: string[], options: Options) => {
          await withPlatform(options, async ({ backend, output }) => {
            const removed = await backend.unset(worker, "secret", names);
            output.result(
              { worker, removed },
              removed.length === 0 ? "None of them was set." : `Removed ${removed.join(", ")}.`,
            );
          });
        }),
    )
    .addCommand(
      platformCommand("rotate-key", "Make a new key pair and seal every secret with it", [
        "ow secret rotate-key",
      ]).action(async (options: Options) => {
        await withPlatform(options, async ({ backend, output }) => {
          const rotated = await output.step("Seal every secret anew", () => backend.rotateKey());
          output.result(rotated, `${rotated.values} secrets are sealed with key ${rotated.keyId}.`);
        });
      }),
    )
    .addCommand(
      command("new-key", "Print a new private key, for OW_SECRET_KEY of a cluster's services", [
        "ow secret new-key",
      ]).action(async (options: Options) => {
        await withContext(options, async ({ output }) => {
          const key = await generateSealingKey();
          output.result({ key }, key);
        });
      }),
    );
  return secret;
}
