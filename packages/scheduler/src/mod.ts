export type { Clock } from "./clock.ts";
export { createDelays, type DelaysOptions } from "./delays/mod.ts";
export { createMailer, type MailerOptions, type MailSettings, readMailSettings } from "./mails/mod.ts";
export { createScheduler, type Scheduler, type SchedulerOptions } from "./scheduler.ts";
export { defaultSettings, readSchedulerSettings, type SchedulerSettings } from "./settings.ts";
export type { SchedulerStats } from "./stats.ts";
