import { logLevels } from "@openworkers/core";
import { type Command, Option } from "commander";
import { readLiveLogs } from "../live-logs/client.ts";
import { logFilterSchema } from "../live-logs/filter.ts";
import { formatRecord } from "../live-logs/format.ts";
import { UsageError } from "../output/failure.ts";
import { chooseProfile } from "../profile/profile.ts";
import { choiceOf, platformCommand, withContext } from "./context.ts";

interface Options {
  readonly json?: boolean;
  readonly profile?: string;
  readonly port?: number;
  readonly level?: string;
  readonly search?: string;
  readonly request?: string;
  readonly status?: string;
  readonly outcome?: string;
}

export function tailCommand(): Command {
  return platformCommand("tail", "Follow what workers log, and every request", [
    "ow tail hello",
    "ow tail --level error",
    "ow tail hello --status 5xx --json",
  ])
    .argument("[worker]", "only this one")
    .addOption(new Option("--level <level>", "this level and above").choices(logLevels))
    .option("--search <text>", "only records with this text in the message, exception or path")
    .option("--request <id>", "only this request")
    .option("--status <status>", "only requests with this status, as 404 or 5xx")
    .option("--outcome <outcome>", "only requests that ended so, as ok, exception or cpu-limit")
    .action(async (worker: string | undefined, options: Options) => {
      const { level, search, request, status, outcome } = options;
      const filter = logFilterSchema.safeParse({
        worker,
        level,
        search,
        requestId: request,
        status,
        outcome,
      });
      if (!filter.success) {
        const [issue] = filter.error.issues;
        throw new UsageError(`--${issue?.path.join(".")}: ${issue?.message}`);
      }
      await withContext(options, async ({ output, signal }) => {
        const { logsSocket } = await chooseProfile(choiceOf(options));
        const records = readLiveLogs(logsSocket, {
          filter: filter.data,
          signal,
          onConnected: () => output.announce(`Following ${worker ?? "every worker"}; Ctrl-C ends it.`),
        });
        for await (const record of records) {
          output.line(
            output.json ? JSON.stringify(record) : formatRecord(record, { showWorker: worker === undefined }),
          );
        }
      });
    });
}
