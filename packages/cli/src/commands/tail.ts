import { isOpenWorkersError, logLevels } from "@openworkers/core";
import { type Command, Option } from "commander";
import { readLiveLogs } from "../live-logs/client.ts";
import { logFilterSchema } from "../live-logs/filter.ts";
import { formatRecord } from "../live-logs/format.ts";
import { UsageError } from "../output/failure.ts";
import type { Output } from "../output/output.ts";
import { chooseProfile, type Profile } from "../profile/profile.ts";
import { choiceOf, platformCommand, withContext } from "./context.ts";
import { platformAt } from "./platform.ts";

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
        const profile = await chooseProfile(choiceOf(options));
        if (worker !== undefined) await warnIfUnknown(worker, profile, output);
        const records = readLiveLogs(profile.logsSocket, {
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

// A misspelt name would be followed in silence for ever; one that is deployed later is a good name, too.
async function warnIfUnknown(worker: string, profile: Profile, output: Output): Promise<void> {
  await using platform = platformAt(profile.databaseUrl, profile);
  try {
    await platform.backend.worker(worker);
  } catch (thrown) {
    if (isOpenWorkersError(thrown, "NOT_FOUND")) {
      output.warn(`There is no worker "${worker}" yet. List those there are: ow workers`);
    } else if (!isOpenWorkersError(thrown, "DATABASE_UNAVAILABLE")) throw thrown; // logs need no database
  }
}
