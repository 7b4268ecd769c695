import {
  type Span as ApiSpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from "@opentelemetry/sdk-trace";
import { type Report, within } from "@openworkers/core";
import { epochMs } from "./clock.ts";
import type { TraceSettings } from "./settings.ts";
import type { Attributes, Invocation, Joined, Span, Tracer } from "./span.ts";
import { parseTraceparent, type TraceParent } from "./traceparent.ts";

/** Spans kept for a collector that is slow or away, some 10 MB; what is more is dropped. */
const maxQueueSize = 8_192;
/** As OpenTelemetry's own collectors want it. */
const maxExportBatchSize = 512;

/** How long the last of them may take. */
const disposeMs = 5_000;

const kinds = { request: SpanKind.SERVER, event: SpanKind.CONSUMER } as const;

/** Records invocations, and sends them to a collector by OTLP over HTTP. Loaded only where there is one. */
export function openOtlpTracer(settings: TraceSettings, report: Report): Tracer {
  const { sampler, context } = settings;
  const exporter = reporting(
    new OTLPTraceExporter({
      url: settings.url,
      headers: { ...settings.headers },
      timeoutMillis: settings.timeoutMs,
    }),
    report,
  );
  const processor = new BatchSpanProcessor({
    exporter,
    maxQueueSize,
    maxExportBatchSize,
    scheduledDelayMillis: settings.delayMs,
  });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": settings.serviceName }),
    spanProcessors: [processor],
    spanLimits: { attributeValueLengthLimit: 1_024 },
  });
  const tracer = provider.getTracer("openworkers");

  return {
    begin({ name, kind, attributes, startedAt }: Invocation, joined?: Joined): Span | undefined {
      const parent = joined?.parent;
      const decided = joined?.decides === true ? parent?.sampled : undefined;
      if (!(decided ?? Math.random() < sampler.ratio)) return undefined;
      const within =
        parent === undefined
          ? ROOT_CONTEXT
          : trace.setSpanContext(ROOT_CONTEXT, { ...parent, traceFlags: TraceFlags.SAMPLED, isRemote: true });
      const options = { kind: kinds[kind], attributes, startTime: epochMs(startedAt) };
      return new OtlpSpan(tracer.startSpan(name, options, within), (child, given, of) =>
        tracer.startSpan(
          child,
          { kind: SpanKind.CLIENT, attributes: given, startTime: epochMs(performance.now()) },
          trace.setSpan(ROOT_CONTEXT, of),
        ),
      );
    },
    join(traceparent, trusted) {
      if (context === "ignore" || (context === "trusted" && !trusted)) return undefined;
      const parent = parseTraceparent(traceparent);
      return parent === undefined ? undefined : { parent, decides: trusted && sampler.parentBased };
    },
    async [Symbol.asyncDispose]() {
      const shutDown = provider.shutdown().then(
        () => "sent",
        (error: unknown) => String(error),
      );
      const end = await within(shutDown, disposeMs);
      if (end !== "sent") report("Traces were lost: the runner stopped.", { why: end ?? "it took too long" });
    },
  };
}

type Begin = (name: string, attributes: Attributes, parent: ApiSpan) => ApiSpan;

class OtlpSpan implements Span {
  readonly #span: ApiSpan;
  readonly #begin: Begin;

  constructor(span: ApiSpan, begin: Begin) {
    this.#span = span;
    this.#begin = begin;
  }

  get context(): TraceParent {
    const { traceId, spanId } = this.#span.spanContext();
    return { traceId, spanId, sampled: true };
  }

  child(name: string, attributes: Attributes): Span {
    return new OtlpSpan(this.#begin(name, attributes, this.#span), this.#begin);
  }

  end(attributes: Attributes, error?: string): void {
    this.#span.setAttributes(attributes);
    if (error !== undefined) this.#span.setStatus({ code: SpanStatusCode.ERROR, message: error });
    this.#span.end(epochMs(performance.now()));
  }
}

/** Tells the operator what the exporter would only tell a logger that nobody has set. */
function reporting(exporter: SpanExporter, report: Report): SpanExporter {
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.error !== undefined) {
          report("Traces were lost: the collector did not take them.", {
            error: result.error,
            spans: spans.length,
          });
        }
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => await exporter.forceFlush?.(),
  };
}
