import type { Command } from "commander";
import colors from "picocolors";
import type { Finding } from "../doctor/finding.ts";
import { findings } from "../doctor/findings.ts";
import { exitCodes } from "../output/exit-codes.ts";
import { platformCommand, withContext } from "./context.ts";

interface Options {
  readonly json?: boolean;
  readonly profile?: string;
  readonly port?: number;
}

const marks = { ok: colors.green("ok  "), warn: colors.yellow("warn"), fail: colors.red("FAIL") } as const;

export function doctorCommand(): Command {
  return platformCommand(
    "doctor",
    "Check whether this machine can run the platform, and what is wrong if not",
    ["ow doctor", "ow doctor --json"],
  ).action(async (options: Options) => {
    await withContext(options, async ({ output }) => {
      const found = await findings({ port: options.port ?? 8787 });
      const failed = found.some(({ state }) => state === "fail");
      output.result({ ok: !failed, checks: found }, found.map(formatFinding).join("\n"));
      if (failed) process.exitCode = exitCodes.failure;
    });
  });
}

function formatFinding({ state, what, says, hint }: Finding): string {
  return `${marks[state]} ${what.padEnd(16)} ${says}${hint === undefined ? "" : `\n${" ".repeat(22)}${colors.cyan(hint)}`}`;
}
