import type { Report } from "@openworkers/core";
import type { TraceSettings } from "./settings.ts";
import type { Tracer } from "./span.ts";

/** The tracer that the settings ask for. What it needs takes 100 ms and 30 MB to load, and is not otherwise. */
export async function openTracer(settings: TraceSettings, report: Report): Promise<Tracer> {
  const { openOtlpTracer } = await import("./otlp-tracer.ts");
  return openOtlpTracer(settings, report);
}
