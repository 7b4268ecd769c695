import { isOpenWorkersError, type WorkerId } from "@openworkers/core";
import { type FollowLogsOptions, followLogs } from "@openworkers/logs";
import type { Command } from "commander";
import { untilWorker } from "../live-logs/access.ts";
import { type FilterOptions, filterOf, withFilterOptions } from "../live-logs/filter-options.ts";
import { formatRecord } from "../live-logs/format.ts";
import { watchShortId } from "../live-logs/short-id.ts";
import type { Output } from "../output/output.ts";
import { choiceOf, integer, platformCommand, withContext } from "./context.ts";
import { type OpenPlatform, openPlatform } from "./platform.ts";

interface Options extends FilterOptions {
  readonly json?: boolean;
  readonly profile?: string;
  readonly port?: number;
  readonly history?: number;
}

export function tailCommand(): Command {
  const command = platformCommand("tail", "Follow what workers log, and every request", [
    "ow tail hello",
    "ow tail hello --history 50",
    "ow tail --level error",
    "ow tail hello --status 5xx --json",
  ]).argument("[worker]", "only this one");
  return withFilterOptions(command)
    .option("--history <number>", "begin with so many of the last records", integer(0, 10_000))
    .action(async (worker: string | undefined, options: Options) => {
      const filter = filterOf(options);
      await withContext(options, async ({ output, signal }) => {
        await using platform = await openPlatform(choiceOf(options));
        const from = options.history === undefined ? {} : { history: options.history };
        await follow(platform, worker, { filter, ...from, signal }, output);
      });
    });
}

async function follow(
  platform: OpenPlatform,
  worker: string | undefined,
  options: Pick<FollowLogsOptions, "filter" | "history" | "signal">,
  output: Output,
): Promise<void> {
  const { signal } = options;
  const following = () => output.announce(`Following ${worker ?? "every worker"}; Ctrl-C ends it.`);
  const known = worker === undefined ? undefined : await findWorker(platform, worker, output);
  const began = Date.now();
  // What a worker logs between its deploy and our next look is history by then.
  const late = worker !== undefined && known === undefined;
  if (late) following();
  const workerId = late ? await untilWorker(platform.backend, worker, signal) : known;
  if (signal.aborted) return;
  let lost = false;
  const records = followLogs({
    ...options,
    ...platform.logs(workerId),
    ...(workerId === undefined ? {} : { workerId }),
    ...(late ? { since: began } : { onConnected: following }),
    onLost: (why) => {
      if (!lost) output.warn(`The logs broke off: ${why}. Trying to go on from there.`);
      lost = true;
    },
  });
  const watch = watchShortId(options.filter, (text) => output.warn(text));
  for await (const record of records) {
    lost = false;
    watch(record);
    output.line(
      output.json ? JSON.stringify(record) : formatRecord(record, { showWorker: worker === undefined }),
    );
  }
}

// A misspelt name would be followed in silence for ever; one that is deployed later is a good name, too.
async function findWorker(
  { backend }: OpenPlatform,
  worker: string,
  output: Output,
): Promise<WorkerId | undefined> {
  try {
    return await backend.workerId(worker);
  } catch (thrown) {
    if (!isOpenWorkersError(thrown, "NOT_FOUND")) throw thrown;
    output.warn(`There is no worker "${worker}" yet. List those there are: ow workers`);
    return undefined;
  }
}
