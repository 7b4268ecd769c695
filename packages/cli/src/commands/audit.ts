import type { Command } from "commander";
import { formatTable, formatTime } from "../output/format.ts";
import { integer, platformCommand, withPlatform } from "./context.ts";

interface Options {
  readonly json?: boolean;
  readonly limit: number;
}

export function auditCommand(): Command {
  return platformCommand("audit", "Who changed what, newest first", [
    "ow audit",
    "ow audit --limit 500 --json",
  ])
    .option("--limit <count>", "how many entries", integer(1, 10_000), 50)
    .action(async (options: Options) => {
      await withPlatform(options, async ({ backend, output }) => {
        const entries = await backend.audit(options.limit);
        const rows = entries.map(({ at, user, action, subject, details }) => [
          formatTime(at),
          user,
          action,
          subject,
          Object.keys(details).length === 0 ? "" : JSON.stringify(details),
        ]);
        output.result(
          entries,
          formatTable(["time (UTC)", "user", "action", "subject", "details"], rows, "Nothing yet."),
        );
      });
    });
}
