import { OpenWorkersError } from "@openworkers/core";
import { z } from "zod";

export interface SchedulerSettings {
  /** Days that what has run is kept. */
  readonly historyDays: number;
  /** The newest so many events of each cron are kept. */
  readonly historyRuns: number;
  /** Due times become events this long before, so that only publishing is left to do at the time itself. */
  readonly lookaheadMs: number;
  /** So long after its time, another scheduler publishes what one has claimed and not published. */
  readonly takeoverMs: number;
  /** The longest sleep: then the clock is looked at, and what was notified while nobody listened is found. */
  readonly heartbeatMs: number;
  /** Between two looks for attempts that are lost. */
  readonly sweepMs: number;
  readonly retentionMs: number;
  /** Crons that one transaction claims. */
  readonly batch: number;
}

export const defaultSettings: SchedulerSettings = {
  historyDays: 30,
  historyRuns: 1_000,
  lookaheadMs: 8_000,
  takeoverMs: 2_000,
  heartbeatMs: 5_000,
  sweepMs: 15_000,
  retentionMs: 3_600_000,
  batch: 250,
};

const schema = z.object({
  OW_CRON_HISTORY_DAYS: z.coerce.number().int().min(1).max(3_650).default(defaultSettings.historyDays),
  OW_CRON_HISTORY_RUNS: z.coerce.number().int().min(1).max(100_000).default(defaultSettings.historyRuns),
});

/** The settings that environment variables give. @throws OpenWorkersError CONFIG_INVALID naming the variable */
export function readSchedulerSettings(env: Readonly<Record<string, string | undefined>>): SchedulerSettings {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = String(issue?.path[0]);
    throw new OpenWorkersError("CONFIG_INVALID", `${name} is "${given[name]}": ${issue?.message}.`, {
      hint: `Correct ${name}, or unset it for the default.`,
    });
  }
  const { OW_CRON_HISTORY_DAYS: historyDays, OW_CRON_HISTORY_RUNS: historyRuns } = parsed.data;
  return { ...defaultSettings, historyDays, historyRuns };
}
