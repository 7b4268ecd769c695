import { OpenWorkersError } from "@openworkers/core";
import { z } from "zod";

const schema = z.object({
  OW_LOG_RETENTION_DAYS: z.coerce.number().int().min(1).max(3_650).default(7),
  OW_LOG_STATS_DAYS: z.coerce.number().int().min(1).max(3_650).default(30),
  OW_LOGS_ORIGINS: z
    .string()
    .default("")
    .transform((list) => list.split(",").flatMap((origin) => origin.trim() || []))
    .refine((list) => list.every((origin) => URL.canParse(origin) && new URL(origin).origin === origin), {
      message: "is not a list of origins such as https://ops.example.com, separated by commas",
    }),
  OW_LOGS_CLIENTS: z.coerce.number().int().min(1).max(100_000).default(1_000),
});

export interface LogsSettings {
  /** Days that records are kept, beside today. */
  readonly retentionDays: number;
  /** Days that statistics are kept; never fewer than the records, which are found by them. */
  readonly statsDays: number;
  readonly origins: readonly string[];
  /** Streams that may be open at a time. */
  readonly mostClients: number;
}

/** @throws OpenWorkersError CONFIG_INVALID naming the variable */
export function readLogsSettings(env: Readonly<Record<string, string | undefined>>): LogsSettings {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = String(issue?.path[0]);
    throw new OpenWorkersError("CONFIG_INVALID", `${name} is "${given[name]}": ${issue?.message}.`, {
      hint: `Correct ${name}, or unset it for the default.`,
    });
  }
  const { OW_LOG_RETENTION_DAYS: retentionDays, OW_LOG_STATS_DAYS: statsDays } = parsed.data;
  return {
    retentionDays,
    statsDays: Math.max(retentionDays, statsDays),
    origins: parsed.data.OW_LOGS_ORIGINS,
    mostClients: parsed.data.OW_LOGS_CLIENTS,
  };
}
