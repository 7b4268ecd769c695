import { z } from "zod";
import { OpenWorkersError } from "./errors.ts";

const atMost = (max: number) =>
  z.int().max(max, { error: ({ input }) => `${input} is more than any platform allows, which is ${max}` });
const positive = (max: number) => atMost(max).min(1);

/**
 * Limits of one worker. Defaults and meaning: docs/limits.md. Every value is an integer with its unit in the
 * name; the schema's maxima are what the platform can enforce at all, `platformMaxima` what an operator allows.
 */
export const limitsSchema = z.object({
  /** CPU time per request, summed over the cell's threads. */
  cpuMs: positive(300_000),
  /** JS heap, ArrayBuffers and WASM memory together. */
  memoryBytes: positive(8 * 2 ** 30).min(32 * 2 ** 20),
  /** From the request's arrival at the worker to the head of its response. */
  firstByteMs: positive(3_600_000),
  /** How long `waitUntil` work may go on after the response has ended. */
  backgroundMs: positive(3_600_000),
  /** Largest request body. */
  bodyBytes: positive(64 * 2 ** 30),
  /** Requests that one cell works on at a time. */
  concurrency: positive(10_000),
  /** Requests that wait for a place, beyond which the answer is 503. */
  queueLength: atMost(100_000).min(0),
  /** How long a request waits for a place. */
  queueMs: positive(600_000),
  subrequests: positive(1_000_000),
  subrequestConcurrency: positive(10_000),
});

export type Limits = z.infer<typeof limitsSchema>;

export const defaultLimits: Limits = {
  cpuMs: 100,
  memoryBytes: 128 * 2 ** 20,
  firstByteMs: 30_000,
  backgroundMs: 60_000,
  bodyBytes: 100 * 2 ** 20,
  concurrency: 128,
  queueLength: 1_024,
  queueMs: 10_000,
  subrequests: 1_000,
  subrequestConcurrency: 50,
};

/** What a worker may ask for unless the operator says otherwise (`OW_MAX_LIMITS`, JSON). */
export const defaultMaxima: Limits = {
  cpuMs: 30_000,
  memoryBytes: 2 ** 30,
  firstByteMs: 300_000,
  backgroundMs: 900_000,
  bodyBytes: 5 * 2 ** 30,
  concurrency: 1_024,
  queueLength: 16_384,
  queueMs: 60_000,
  subrequests: 10_000,
  subrequestConcurrency: 500,
};

/** Largest worker: the sum of its modules' bytes. */
export const maxScriptBytes = 10 * 2 ** 20;

/** How long a worker's top level may take before a deploy is refused. */
export const startupMs = 1_000;

/**
 * The limits a worker runs under: `wanted` over the defaults.
 *
 * @throws OpenWorkersError INVALID_LIMIT when a value is not a limit, or above the platform's maximum.
 */
export function resolveLimits(wanted: Partial<Limits>, maxima: Limits = defaultMaxima): Limits {
  const parsed = limitsSchema.partial().strict().safeParse(wanted);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new OpenWorkersError(
      "INVALID_LIMIT",
      `limits.${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not a limit"}.`,
      { field: ["limits", ...(issue?.path ?? [])].join(".") },
    );
  }
  const limits = { ...defaultLimits };
  for (const key of Object.keys(parsed.data) as (keyof Limits)[]) {
    const value = parsed.data[key];
    if (value === undefined) continue;
    if (value > maxima[key]) {
      throw new OpenWorkersError(
        "INVALID_LIMIT",
        `limits.${key} is ${value}; this platform allows ${maxima[key]}.`,
        { field: `limits.${key}`, hint: "Ask for less, or let the operator raise OW_MAX_LIMITS." },
      );
    }
    limits[key] = value;
  }
  return limits;
}
