import { OpenWorkersError } from "@openworkers/core";
import type { StoredScheduledEvent } from "@openworkers/db";
import type { Command } from "commander";
import type { CronsBackend } from "../backend/crons.ts";
import { platformCommand, withPlatform } from "../commands/context.ts";
import { formatMs } from "../output/format.ts";
import { formatState } from "./format.ts";

interface Options {
  readonly json?: boolean;
  readonly timezone?: string;
  readonly wait?: boolean;
}

const pollMs = 200;

export function runCommand(): Command {
  return platformCommand("run", "Have a cron run now, beside its schedule, paused or not", [
    'ow crons run hello "0 9 * * *" --wait',
  ])
    .argument("<worker>")
    .argument("<cron>", "expression or id")
    .option("--timezone <name>", "which, where a worker has the expression in several")
    .option(
      "--wait",
      "wait until it has run, further attempts included; the exit code says whether it succeeded",
    )
    .action(async (worker: string, cron: string, options: Options) => {
      await withPlatform(options, async ({ backend: { crons }, output, signal }) => {
        const { timezone } = options;
        const asked = await crons.run({ worker, cron, ...(timezone === undefined ? {} : { timezone }) });
        if (!options.wait) return output.result(asked, `${worker} is to run now: ow crons history ${worker}`);
        const event = await output.step(`Run ${worker}`, () => untilEnded(crons, worker, asked, signal));
        const { outcome, error, durationMs } = event;
        if (outcome === "ok") return output.result(event, `ok, took ${formatMs(durationMs ?? 0)}`);
        const why = error === null ? "" : ` ${error}`;
        throw new OpenWorkersError("WORKER_EXCEPTION", `${worker} ended with ${formatState(event)}.${why}`, {
          hint: `See its logs: ow tail ${worker}`,
          details: { event },
        });
      });
    });
}

async function untilEnded(
  crons: CronsBackend,
  worker: string,
  asked: StoredScheduledEvent,
  signal: AbortSignal,
): Promise<StoredScheduledEvent> {
  for (;;) {
    const event = await crons.event(worker, asked.id);
    if (event.state === "finished" || event.state === "skipped") return event;
    await Bun.sleep(pollMs);
    signal.throwIfAborted();
  }
}
