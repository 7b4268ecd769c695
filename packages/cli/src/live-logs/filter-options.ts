import { logLevels, terminations } from "@openworkers/core";
import { type LogFilter, logFilterSchema } from "@openworkers/logs";
import { type Command, Option } from "commander";
import { UsageError } from "../output/failure.ts";

/** What `withFilterOptions` adds. */
export interface FilterOptions {
  readonly level?: string;
  readonly search?: string;
  readonly request?: string;
  readonly status?: string;
  readonly outcome?: string;
  readonly onlyVersion?: string;
  readonly kind?: string;
}

const outcomes = ["ok", "canceled", "no-handler", ...Object.keys(terminations)];

/** Their names in `FilterOptions`. */
export const filterOptions = [
  "level",
  "search",
  "request",
  "status",
  "outcome",
  "onlyVersion",
  "kind",
] as const satisfies readonly (keyof FilterOptions)[];

/** `--only-version` for `onlyVersion`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Adds the options that choose among log records. */
export function withFilterOptions(command: Command): Command {
  return command
    .addOption(new Option("--level <level>", "this level and above").choices(logLevels))
    .option("--search <text>", "only records with this text in the message, exception or path")
    .option("--request <id>", "only this request, by its id: the end of it that is shown, or all of it")
    .option("--status <status>", "only requests with this status, as 404 or 5xx")
    .addOption(new Option("--outcome <outcome>", "only invocations that ended so").choices(outcomes))
    .option("--only-version <number>", "only this version of the worker")
    .addOption(new Option("--kind <kind>", "only these").choices(["line", "invocation"]));
}

/** @throws UsageError naming the option */
export function filterOf(options: FilterOptions): LogFilter {
  const { level, search, request: requestId, status, outcome, onlyVersion: version, kind } = options;
  const given = { level, search, requestId, status, outcome, version, kind };
  const filter = logFilterSchema.safeParse(
    Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  );
  if (filter.success) return filter.data;
  const [issue] = filter.error.issues;
  const field = String(issue?.path[0]);
  throw new UsageError(`${flagOf(optionOf[field] ?? field)}: ${issue?.message}`);
}

const optionOf: Readonly<Record<string, string>> = { requestId: "request", version: "onlyVersion" };
