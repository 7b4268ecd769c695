import { isError } from "./record.ts";

export const levels = ["debug", "info", "warn", "error"] as const;
export type Level = (typeof levels)[number];

/** How invocations end, and what each means. */
export const outcomes = {
  ok: "Ended well",
  exception: "Threw an error",
  "cpu-limit": "Over its CPU time",
  "memory-limit": "Over its memory",
  "wall-limit": "No response in time",
  crashed: "Its process ended",
  overloaded: "No place in line",
  canceled: "The client left",
  "no-handler": "No handler for it",
} as const;

/** Why an invocation did not end in the worker's own response; `X-Termination-Reason` says the same. */
export function reasonOf(outcome: string): string {
  return isError(outcome) || outcome === "canceled"
    ? (outcomes[outcome as keyof typeof outcomes] ?? outcome)
    : "";
}

/** Which records are wanted, as the service takes it. */
export interface Filter {
  readonly level?: Level;
  readonly outcome?: string;
  readonly status?: string;
  readonly search?: string;
  readonly requestId?: string;
  readonly version?: string;
}

/** Which times. Without any, from now on. */
export type Range =
  | { readonly kind: "live"; readonly from: number | undefined }
  | { readonly kind: "between"; readonly from: number | undefined; readonly to: number }
  | { readonly kind: "at"; readonly at: number };

/** Of the address: what each means. */
export interface Wanted {
  readonly level?: string | undefined;
  readonly outcome?: string | undefined;
  readonly status?: string | undefined;
  readonly q?: string | undefined;
  readonly request?: string | undefined;
  readonly version?: string | undefined;
  /** `15m`, `1h`, `7d`: live, and back so far. */
  readonly since?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly at?: string | undefined;
}

/** Times back from now that one can pick. */
export const spans = {
  "15m": { text: "Last 15 minutes", ms: 900_000 },
  "1h": { text: "Last hour", ms: 3_600_000 },
  "6h": { text: "Last 6 hours", ms: 21_600_000 },
  "24h": { text: "Last 24 hours", ms: 86_400_000 },
  "7d": { text: "Last 7 days", ms: 604_800_000 },
} as const;

/** What the service lets through unseen is refused there; what is none of ours is left out here. */
export function filterOf({ level, outcome, status, q, request, version }: Wanted): Filter {
  return {
    ...(isOneOf(levels, level) ? { level } : {}),
    ...(outcome ? { outcome } : {}),
    ...(status ? { status } : {}),
    ...(q ? { search: q } : {}),
    ...(request ? { requestId: request } : {}),
    ...(version ? { version } : {}),
  };
}

export function rangeOf({ since, from, to, at }: Wanted, now: number): Range {
  const moments = { from: timeOf(from), to: timeOf(to), at: timeOf(at) };
  if (moments.at !== undefined) return { kind: "at", at: moments.at };
  if (moments.to !== undefined) return { kind: "between", from: moments.from, to: moments.to };
  const span = since === undefined ? undefined : spans[since as keyof typeof spans];
  return { kind: "live", from: span === undefined ? moments.from : now - span.ms };
}

function timeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

function isOneOf<Value extends string>(values: readonly Value[], text: string | undefined): text is Value {
  return values.some((value) => value === text);
}
