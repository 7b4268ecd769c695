import type { StoredCron, StoredScheduledEvent } from "@openworkers/db";
import { formatMs, formatTime } from "../output/format.ts";
import { printable } from "../output/printable.ts";

/** `Mon 23 Nov 09:00, in 4 h`, in the cron's own time zone, or why there is none. */
export function formatNext({ nextDue, paused, problem, timezone }: StoredCron, now: number): string {
  if (paused) return "paused";
  if (nextDue === null) return problem ?? "never";
  const time = new Intl.DateTimeFormat("en-GB", {
    timeZone: timezone,
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    ...(nextDue.getTime() % 60_000 === 0 ? {} : { second: "2-digit" }),
  }).format(nextDue);
  return `${time.replaceAll(",", "")}, ${formatUntil(nextDue.getTime() - now)}`;
}

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** `in 4 h`, rounded down; `now` below a second. */
export function formatUntil(ms: number): string {
  const [name, size] = units.find(([, unit]) => ms >= unit) ?? ["", 0];
  return size === 0 ? "now" : `in ${Math.floor(ms / size)} ${name}`;
}

/** What differs from a cron that runs once in time: `retries 3, overlap skip, 5m at most`. */
export function formatPolicy({ retries, late, lateCap, overlap, wallMs }: StoredCron): string {
  return [
    ...(retries === 0 ? [] : [`retries ${retries}`]),
    ...(late === "once" ? [] : [late === "all" ? `late all, ${lateCap} at most` : `late ${late}`]),
    ...(overlap === "allow" ? [] : [`overlap ${overlap}`]),
    ...(wallMs === 900_000 ? [] : [`timeout ${formatMs(wallMs)}`]),
  ].join("; ");
}

/** `ok`, `exception`, `skipped: overlap`, `running` or when it is due. */
export function formatState(event: StoredScheduledEvent): string {
  const { state, reason, outcome, publishAt, attempt } = event;
  if (state === "skipped") return `skipped: ${reason}`;
  if (state === "finished") return outcome ?? "";
  if (state === "published") return "running or queued";
  return attempt === 1 ? "due" : `${outcome}; again at ${formatTime(publishAt)}`;
}

/** A line of a history. */
export function eventRow(event: StoredScheduledEvent): string[] {
  const { cron, dueAt, manual, startedAt, durationMs, attempt, redelivered, missed, error } = event;
  const notes = [
    ...(manual ? ["on demand"] : []),
    ...(attempt === 1 ? [] : [`attempt ${attempt}`]),
    ...(redelivered ? ["may have run twice"] : []),
    ...(missed === 0 ? [] : [`${missed} missed before it`]),
    ...(error === null ? [] : [printable(error)]),
  ];
  return [
    formatTime(dueAt),
    cron,
    formatState(event),
    startedAt === null ? "" : formatMs(Math.max(0, startedAt.getTime() - dueAt.getTime())),
    durationMs === null ? "" : formatMs(durationMs),
    notes.join("; "),
  ];
}

export const eventHeadings = ["due (UTC)", "cron", "outcome", "late", "took", ""] as const;
