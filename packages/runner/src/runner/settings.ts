import { defaultMaxima, type Limits, limitsSchema, OpenWorkersError } from "@openworkers/core";
import { z } from "zod";
import { type CacheLimits, defaultCacheLimits } from "../bindings/cache/store.ts";
import { readS3Settings, type S3Settings } from "../bindings/storage/settings.ts";
import { Permissions } from "../egress/guard/permissions.ts";
import { readTraceSettings, type TraceSettings } from "../tracing/settings.ts";

/** What an operator may set in the runner's environment; docs/operations.md lists it. */
export interface RunnerSettings {
  readonly maxCells: number | undefined;
  readonly warmCells: number | undefined;
  /** Files that the runner may have open. Default: as many as the kernel lets it. */
  readonly maxOpenFiles?: number;
  readonly idleMs: number | undefined;
  readonly codeCacheBytes: number | undefined;
  /** Of the workers' Cache API; the defaults without. */
  readonly cacheLimits?: CacheLimits;
  readonly assetCacheBytes: number | undefined;
  readonly cellUidBase: number | undefined;
  /** Invocations are counted for each worker apart, too. */
  readonly metricsPerWorker?: boolean;
  /** Where what requests do is recorded; nowhere without. */
  readonly traces?: TraceSettings | undefined;
  readonly trustedProxies: readonly string[];
  readonly maxima: Limits;
  readonly egress: EgressSettings;
  /** The platform's bucket on an S3 server; objects are in the database without. */
  readonly s3?: S3Settings | undefined;
}

/** What workers may reach outside. */
export interface EgressSettings {
  readonly open: boolean;
  readonly permissions: Permissions;
  /** A file of certificates (PEM) that are trusted beside the usual ones. */
  readonly certificates: string | undefined;
}

const count = z.coerce.number().int().min(1).max(1_000_000);

const bytes = z.coerce
  .number()
  .int()
  .min(2 ** 20);

const schema = z.object({
  OW_MAX_CELLS: count.optional(),
  OW_WARM_CELLS: z.coerce.number().int().min(0).max(1_000).optional(),
  OW_CELL_IDLE_SECONDS: count.optional(),
  OW_CODE_CACHE_BYTES: bytes.optional(),
  OW_CACHE_BYTES: bytes.default(defaultCacheLimits.totalBytes),
  OW_CACHE_WORKER_BYTES: bytes.default(defaultCacheLimits.workerBytes),
  OW_ASSET_CACHE_BYTES: bytes.optional(),
  OW_CELL_UID_BASE: z.coerce.number().int().optional(),
  OW_METRICS_PER_WORKER: z.enum(["on", "off"]).optional(),
  OW_TRUSTED_PROXIES: z.string().optional(),
  OW_EGRESS: z.enum(["on", "off"]).optional(),
  OW_EGRESS_ALLOW: z.string().optional(),
  OW_EGRESS_CA: z.string().optional(),
  OW_MAX_LIMITS: z
    .string()
    .optional()
    .transform((text, context) => {
      try {
        return limitsSchema
          .partial()
          .strict()
          .parse(JSON.parse(text ?? "{}"));
      } catch {
        context.addIssue({
          code: "custom",
          message: 'is not a JSON object of limits, such as {"cpuMs":60000}',
        });
        return z.NEVER;
      }
    }),
});

/**
 * Reads the settings from environment variables.
 *
 * @throws OpenWorkersError CONFIG_INVALID naming the variable.
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): RunnerSettings {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const name = String(issue?.path[0]);
    throw new OpenWorkersError("CONFIG_INVALID", `${name} is "${given[name]}": ${issue?.message}.`, {
      hint: `Correct ${name}, or unset it for the default.`,
    });
  }
  const { data } = parsed;
  return {
    maxCells: data.OW_MAX_CELLS,
    warmCells: data.OW_WARM_CELLS,
    idleMs: data.OW_CELL_IDLE_SECONDS === undefined ? undefined : data.OW_CELL_IDLE_SECONDS * 1_000,
    codeCacheBytes: data.OW_CODE_CACHE_BYTES,
    cacheLimits: { totalBytes: data.OW_CACHE_BYTES, workerBytes: data.OW_CACHE_WORKER_BYTES },
    assetCacheBytes: data.OW_ASSET_CACHE_BYTES,
    cellUidBase: data.OW_CELL_UID_BASE,
    metricsPerWorker: data.OW_METRICS_PER_WORKER === "on",
    trustedProxies: listed(data.OW_TRUSTED_PROXIES),
    egress: {
      open: data.OW_EGRESS !== "off",
      permissions: Permissions.parse(listed(data.OW_EGRESS_ALLOW)),
      certificates: data.OW_EGRESS_CA,
    },
    maxima: { ...defaultMaxima, ...withoutUndefined(data.OW_MAX_LIMITS) },
    s3: readS3Settings(env),
    traces: readTraceSettings(env),
  };
}

function listed(text: string | undefined): string[] {
  return text?.split(/[\s,]+/).filter((entry) => entry !== "") ?? [];
}

function withoutUndefined(limits: Partial<Record<keyof Limits, number | undefined>>): Partial<Limits> {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}
