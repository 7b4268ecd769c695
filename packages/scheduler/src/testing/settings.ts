import type { SchedulerSettings } from "../settings.ts";

/** Shorter than in service, so that no test has to wait long. */
export const testSettings: Partial<SchedulerSettings> = { heartbeatMs: 500, sweepMs: 300, takeoverMs: 1_000 };
