import type { components } from "@openworkers/client";

type Statistics = components["schemas"]["Statistics"];

/** What of the past is shown, and in which steps; both fit what the statistics are kept in. */
export const ranges = {
  "1h": { name: "1 hour", ms: 3_600_000, stepSeconds: 60 },
  "24h": { name: "24 hours", ms: 86_400_000, stepSeconds: 900 },
  "7d": { name: "7 days", ms: 604_800_000, stepSeconds: 7_200 },
} as const;
export type RangeName = keyof typeof ranges;

export function isRange(text: string | undefined): text is RangeName {
  return text !== undefined && Object.hasOwn(ranges, text);
}

/** A worker's statistics as lines over time, and their sums. */
export interface Lines {
  /** Unix seconds. */
  readonly times: readonly number[];
  readonly requests: readonly number[];
  /** Those that did not end well, by how they ended; the commonest first. */
  readonly failures: readonly { readonly outcome: string; readonly values: readonly number[] }[];
  readonly coldStarts: readonly number[];
  /** Milliseconds of an invocation on average; null where there was none. */
  readonly cpuMs: readonly (number | null)[];
  readonly p50: readonly (number | null)[];
  readonly p99: readonly (number | null)[];
  readonly sum: {
    readonly requests: number;
    readonly errors: number;
    readonly coldStarts: number;
    readonly cpuMs: number;
    readonly wallMs: number;
  };
}

const fine = new Set(["ok", "canceled"]);

/** Every step of the range, those without requests too, which the API leaves out. */
export function linesOf({ from, to, stepMs, steps }: Statistics): Lines {
  const first = Math.floor(from / stepMs);
  const count = Math.max(1, Math.ceil(to / stepMs) - first);
  const byStep = new Map(steps.map((step) => [Math.round(step.time / stepMs) - first, step]));
  const all = Array.from({ length: count }, (_, at) => byStep.get(at));
  const sumOf = (key: "requests" | "errors" | "coldStarts" | "cpuMs" | "wallMs") =>
    steps.reduce((sum, step) => sum + step[key], 0);
  const outcomes = new Map<string, number>();
  for (const step of steps) {
    for (const [outcome, times] of Object.entries(step.outcomes)) {
      if (!fine.has(outcome)) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + times);
    }
  }
  return {
    times: all.map((_, at) => ((first + at) * stepMs) / 1_000),
    requests: all.map((step) => step?.requests ?? 0),
    failures: [...outcomes]
      .sort(([, a], [, b]) => b - a)
      .map(([outcome]) => ({ outcome, values: all.map((step) => step?.outcomes[outcome] ?? 0) })),
    coldStarts: all.map((step) => step?.coldStarts ?? 0),
    cpuMs: all.map((step) => (step === undefined || step.requests === 0 ? null : step.cpuMs / step.requests)),
    p50: all.map((step) => step?.p50 ?? null),
    p99: all.map((step) => step?.p99 ?? null),
    sum: {
      requests: sumOf("requests"),
      errors: sumOf("errors"),
      coldStarts: sumOf("coldStarts"),
      cpuMs: sumOf("cpuMs"),
      wallMs: sumOf("wallMs"),
    },
  };
}
