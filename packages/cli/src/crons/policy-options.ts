import { type CronPolicy, defaultCronPolicy, latePolicies, overlapPolicies } from "@openworkers/core";
import { type Command, Option } from "commander";
import { integer } from "../commands/context.ts";
import { parseDuration } from "./duration.ts";

export interface PolicyOptions {
  readonly retries?: number;
  readonly retryDelay?: number;
  readonly late?: CronPolicy["late"];
  readonly lateCap?: number;
  readonly overlap?: CronPolicy["overlap"];
  readonly timeout?: number;
}

/** Adds the options that say how a cron runs. */
export function withPolicy(command: Command): Command {
  const { retries, late, overlap } = defaultCronPolicy;
  return command
    .option("--retries <count>", `further attempts after a failure (default: ${retries})`, integer(0, 10))
    .option(
      "--retry-delay <time>",
      "wait before the first of them, doubled each time (default: 10s)",
      parseDuration,
    )
    .addOption(
      new Option(
        "--late <policy>",
        `due times more than a minute late, as after an outage: skip them, run once, or run all (default: ${late})`,
      ).choices(latePolicies),
    )
    .option("--late-cap <count>", "with --late all, the newest so many (default: 100)", integer(1, 1_000))
    .addOption(
      new Option("--overlap <policy>", `while an earlier run goes on (default: ${overlap})`).choices(
        overlapPolicies,
      ),
    )
    .option("--timeout <time>", "how long a run may take, 15m at most (default: 15m)", parseDuration);
}

/** What was asked for of a policy. */
export function policyOf(options: PolicyOptions): Partial<CronPolicy> {
  const { retries, retryDelay: retryDelayMs, late, lateCap, overlap, timeout: wallMs } = options;
  const given = { retries, retryDelayMs, late, lateCap, overlap, wallMs };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
