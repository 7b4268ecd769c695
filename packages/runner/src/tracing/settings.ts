import { OpenWorkersError } from "@openworkers/core";
import { z } from "zod";

/** Whose `traceparent` a trace goes on from: trusted proxies', everybody's, nobody's. */
export type TraceContextPolicy = "trusted" | "accept" | "ignore";

export interface TraceSettings {
  /** Where OTLP's `POST` goes to. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  readonly sampler: SamplerSettings;
  /** How long a span waits for others before they are sent. */
  readonly delayMs: number;
  /** How long the collector may take, attempts and all. */
  readonly timeoutMs: number;
  readonly context: TraceContextPolicy;
}

export interface SamplerSettings {
  /** Share of the invocations without a parent that are recorded, 0 to 1. */
  readonly ratio: number;
  /** A parent decides for what follows from it. */
  readonly parentBased: boolean;
}

const samplers = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

/** Pairs as in `authorization=Bearer%20x,tenant=a` (W3C Baggage without properties, as OpenTelemetry has it). */
const headers = z.string().transform((text, context) => {
  const pairs: [string, string][] = [];
  for (const pair of text.split(",")) {
    if (pair.trim() === "") continue;
    const at = pair.indexOf("=");
    const name = pair.slice(0, at).trim();
    const value = decoded(pair.slice(at + 1).trim());
    if (at < 0 || !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || value === undefined) {
      // Without the text: it holds credentials.
      context.addIssue({ code: "custom", message: "is not a list like name=value,name2=value2" });
      return z.NEVER;
    }
    pairs.push([name, value]);
  }
  return Object.fromEntries(pairs);
});

const url = z.url({ protocol: /^https?$/ });

const schema = z.object({
  OTEL_EXPORTER_OTLP_ENDPOINT: url.optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url.optional(),
  OTEL_EXPORTER_OTLP_HEADERS: headers.optional(),
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: headers.optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: z.literal("http/protobuf").optional(),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: z.literal("http/protobuf").optional(),
  OTEL_TRACES_EXPORTER: z.enum(["otlp", "none"]).optional(),
  OTEL_SDK_DISABLED: z.enum(["true", "false"]).optional(),
  OTEL_SERVICE_NAME: z.string().max(255).optional(),
  OTEL_TRACES_SAMPLER: z.enum(samplers).optional(),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).optional(),
  OTEL_BSP_SCHEDULE_DELAY: z.coerce.number().int().min(1).max(600_000).default(5_000),
  OTEL_EXPORTER_OTLP_TIMEOUT: z.coerce.number().int().min(1).max(600_000).default(10_000),
  OW_TRACE_CONTEXT: z.enum(["trusted", "accept", "ignore"]).default("trusted"),
});

/**
 * Reads OpenTelemetry's environment variables; undefined when traces go nowhere.
 *
 * @throws OpenWorkersError CONFIG_INVALID naming the variable
 */
export function readTraceSettings(
  env: Readonly<Record<string, string | undefined>>,
): TraceSettings | undefined {
  const given = Object.fromEntries(
    Object.keys(schema.shape).flatMap((name) => (env[name] ? [[name, env[name]]] : [])),
  );
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new OpenWorkersError("CONFIG_INVALID", `${String(issue?.path[0])}: ${issue?.message}.`, {
      hint: "docs/observability.md says which of OpenTelemetry's variables are heeded.",
    });
  }
  const { data } = parsed;
  const base = data.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/*$/, "/v1/traces");
  const target = data.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? base;
  const off = data.OTEL_SDK_DISABLED === "true" || data.OTEL_TRACES_EXPORTER === "none";
  if (target === undefined || off) return undefined;
  return {
    url: target,
    headers: { ...data.OTEL_EXPORTER_OTLP_HEADERS, ...data.OTEL_EXPORTER_OTLP_TRACES_HEADERS },
    serviceName: data.OTEL_SERVICE_NAME ?? "openworkers",
    sampler: samplerOf(data.OTEL_TRACES_SAMPLER, data.OTEL_TRACES_SAMPLER_ARG),
    delayMs: data.OTEL_BSP_SCHEDULE_DELAY,
    timeoutMs: data.OTEL_EXPORTER_OTLP_TIMEOUT,
    context: data.OW_TRACE_CONTEXT,
  };
}

/** A ratio without a sampler is one of whoever has no parent. */
function samplerOf(name: (typeof samplers)[number] = "parentbased_traceidratio", ratio = 1): SamplerSettings {
  const parentBased = name.startsWith("parentbased_");
  if (name.endsWith("always_off")) return { ratio: 0, parentBased };
  return { ratio: name.endsWith("always_on") ? 1 : ratio, parentBased };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // the caller says so
  }
}
