import { z } from "zod";

/** What becomes of due times that are more than a minute late, such as after an outage. */
export const latePolicies = ["skip", "once", "all"] as const;
export type LatePolicy = (typeof latePolicies)[number];

/** What becomes of a due time while an earlier run of the same cron goes on. */
export const overlapPolicies = ["allow", "skip"] as const;
export type OverlapPolicy = (typeof overlapPolicies)[number];

export const cronPolicySchema = z.object({
  /** Further attempts after one that failed. */
  retries: z.int().min(0).max(10),
  /** Wait before the first of them; each further one waits twice as long, at most an hour. */
  retryDelayMs: z.int().min(1_000).max(3_600_000),
  /** `once`: the newest one runs, unless a later one is in time. `all`: the newest `lateCap`. */
  late: z.enum(latePolicies),
  lateCap: z.int().min(1).max(1_000),
  overlap: z.enum(overlapPolicies),
  /** How long a run may take, `waitUntil` work included. */
  wallMs: z.int().min(1_000).max(900_000),
});

export type CronPolicy = z.infer<typeof cronPolicySchema>;

/** Crons that a worker may have. */
export const maxCronsPerWorker = 100;

export const defaultCronPolicy: CronPolicy = {
  retries: 0,
  retryDelayMs: 10_000,
  late: "once",
  lateCap: 100,
  overlap: "allow",
  wallMs: 900_000,
};

const longestRetryDelayMs = 3_600_000;

/** How long the attempt after `attempt` waits. */
export function retryDelayMs(policy: Pick<CronPolicy, "retryDelayMs">, attempt: number): number {
  return Math.min(policy.retryDelayMs * 2 ** (attempt - 1), longestRetryDelayMs);
}
