import type { StoredCron } from "@openworkers/db";
import type { Command } from "commander";
import type { CronsBackend, WhichCron } from "../backend/crons.ts";
import { eventHeadings, eventRow, formatNext, formatPolicy } from "../crons/format.ts";
import { type PolicyOptions, policyOf, withPolicy } from "../crons/policy-options.ts";
import { runCommand } from "../crons/run-command.ts";
import { UsageError } from "../output/failure.ts";
import { formatTable } from "../output/format.ts";
import { group, integer, platformCommand, withPlatform } from "./context.ts";

interface Options {
  readonly json?: boolean;
  readonly timezone?: string;
}

interface HistoryOptions extends Options {
  readonly cron?: string;
  readonly limit: number;
}

export function cronsCommand(): Command {
  const crons = group("crons", "Call a worker's scheduled() on a schedule", [
    'ow crons add hello "*/5 * * * *"',
    'ow crons add hello "0 9 * * MON-FRI" --timezone Europe/Berlin --retries 3',
    'ow crons run hello "0 9 * * MON-FRI" --wait',
    "ow crons history hello",
  ]);
  crons.addCommand(listCommand(), { isDefault: true });
  const changes = [
    onePart("pause", "Let a cron rest", "is paused", (backend, which) => backend.pause(which)),
    onePart("resume", "Have a paused cron go on", "goes on", (backend, which) => backend.resume(which)),
    onePart("remove", "Remove a cron; its history stays", "is removed", (backend, which) =>
      backend.remove(which),
    ),
  ];
  for (const command of [addCommand(), setCommand(), ...changes, runCommand(), historyCommand()]) {
    crons.addCommand(command);
  }
  return crons;
}

function listCommand(): Command {
  return platformCommand("list", "List the crons and when they run next", [
    "ow crons list",
    "ow crons list hello",
  ])
    .argument("[worker]")
    .action(async (worker: string | undefined, options: Options) => {
      await withPlatform(options, async ({ backend, output }) => {
        const list = await backend.crons.list(worker);
        const now = Date.now();
        const rows = list.map((cron) => [
          cron.worker,
          cron.expression,
          cron.timezone,
          formatNext(cron, now),
          cron.source === "manifest" ? "manifest" : "",
          formatPolicy(cron),
        ]);
        output.result(
          list,
          formatTable(["worker", "cron", "time zone", "next", "from", ""], rows, "No crons."),
        );
      });
    });
}

function addCommand(): Command {
  const add = platformCommand("add", "Add a cron to a worker", [
    'ow crons add hello "*/5 * * * *"',
    'ow crons add hello "30 2 * * *" --timezone America/New_York --overlap skip --late all',
  ])
    .argument("<worker>")
    .argument(
      "<expression>",
      "minute hour day month weekday (1 or SUN to 7 or SAT), or six fields with the second first",
    )
    .option("--timezone <name>", "IANA name, such as Europe/Berlin", "UTC");
  return withPolicy(add).action(
    async (worker: string, expression: string, options: Options & PolicyOptions) => {
      await withPlatform(options, async ({ backend, output }) => {
        const cron = await backend.crons.add({
          worker,
          expression,
          ...zone(options),
          policy: policyOf(options),
        });
        output.result(cron, `${worker} runs at ${expression}: next ${formatNext(cron, Date.now())}`);
      });
    },
  );
}

function setCommand(): Command {
  const set = whichCommand("set", "Change how a cron runs, be it the manifest's", [
    'ow crons set hello "*/5 * * * *" --retries 3 --timeout 30s',
  ]);
  return withPolicy(set).action(async (worker: string, cron: string, options: Options & PolicyOptions) => {
    const policy = policyOf(options);
    if (Object.keys(policy).length === 0) throw new UsageError("Say what to change: --retries, --timeout …");
    await withPlatform(options, async ({ backend, output }) => {
      const changed = await backend.crons.change({ worker, cron, ...zone(options) }, policy);
      output.result(
        changed,
        `${worker} at ${changed.expression}: ${formatPolicy(changed) || "the defaults"}`,
      );
    });
  });
}

function onePart(
  name: string,
  summary: string,
  done: string,
  act: (backend: CronsBackend, which: WhichCron) => Promise<StoredCron>,
): Command {
  return whichCommand(name, summary, [`ow crons ${name} hello "0 9 * * *"`]).action(
    async (worker: string, cron: string, options: Options) => {
      await withPlatform(options, async ({ backend, output }) => {
        const changed = await act(backend.crons, { worker, cron, ...zone(options) });
        output.result(changed, `${changed.expression} of ${worker} ${done}.`);
      });
    },
  );
}

function historyCommand(): Command {
  return platformCommand("history", "What became of a worker's due times, the newest first", [
    "ow crons history hello",
    'ow crons history hello --cron "0 9 * * *" --limit 500 --json',
  ])
    .argument("<worker>")
    .option("--cron <cron>", "only of this one: its expression or id")
    .option("--limit <count>", "at most this many", integer(1, 1_000), 20)
    .action(async (worker: string, { cron, limit, ...options }: HistoryOptions) => {
      await withPlatform(options, async ({ backend, output }) => {
        const events = await backend.crons.history(worker, {
          limit,
          ...(cron === undefined ? {} : { cron }),
        });
        const rows = events.map(eventRow);
        output.result(events, formatTable(eventHeadings, rows, `No cron of ${worker} was due yet.`));
      });
    });
}

/** A command about one cron. */
function whichCommand(name: string, summary: string, examples: readonly string[]): Command {
  return platformCommand(name, summary, examples)
    .argument("<worker>")
    .argument("<cron>", "expression or id")
    .option("--timezone <name>", "which, where a worker has the expression in several");
}

function zone({ timezone }: Options): { timezone?: string } {
  return timezone === undefined ? {} : { timezone };
}
