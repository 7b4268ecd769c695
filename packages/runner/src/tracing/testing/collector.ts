import { decodeMessage, type Message } from "./protobuf.ts";

export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  /** As OTLP numbers them: 2 server, 3 client, 5 consumer. */
  readonly kind: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Unix nanoseconds. */
  readonly start: bigint;
  readonly end: bigint;
  readonly error: string | undefined;
  readonly service: unknown;
}

/** A collector of OTLP over HTTP that takes what the protocol allows, and fails on anything else. */
export interface Collector extends AsyncDisposable {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  readonly requests: readonly Headers[];
  /** Until `found` says so of the spans so far. */
  until(found: (spans: readonly ReceivedSpan[]) => boolean): Promise<readonly ReceivedSpan[]>;
}

// opentelemetry-proto v1: common, resource, trace and collector/trace.
const anyValue: Message = {
  1: ["string", "string"],
  2: ["bool", "bool"],
  3: ["int", "uint"],
  4: ["double", "double"],
};
const keyValue: Message = { 1: ["key", "string"], 2: ["value", anyValue] };
const resource: Message = { 1: ["attributes", keyValue, "repeated"], 2: ["dropped", "uint"] };
const scope: Message = { 1: ["name", "string"], 2: ["version", "string"] };
const status: Message = { 2: ["message", "string"], 3: ["code", "uint"] };
const span: Message = {
  1: ["traceId", "bytes"],
  2: ["spanId", "bytes"],
  3: ["traceState", "string"],
  4: ["parentSpanId", "bytes"],
  5: ["name", "string"],
  6: ["kind", "uint"],
  7: ["start", "fixed64"],
  8: ["end", "fixed64"],
  9: ["attributes", keyValue, "repeated"],
  10: ["droppedAttributes", "uint"],
  12: ["droppedEvents", "uint"],
  14: ["droppedLinks", "uint"],
  15: ["status", status],
  16: ["flags", "fixed32"],
};
const scopeSpans: Message = {
  1: ["scope", scope],
  2: ["spans", span, "repeated"],
  3: ["schemaUrl", "string"],
};
const resourceSpans: Message = {
  1: ["resource", resource],
  2: ["scopeSpans", scopeSpans, "repeated"],
  3: ["schemaUrl", "string"],
};
const exportRequest: Message = { 1: ["resourceSpans", resourceSpans, "repeated"] };

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Exported {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly { readonly spans: readonly Record<string, unknown>[] }[];
  }[];
}

export function startCollector(): Collector {
  const spans: ReceivedSpan[] = [];
  const requests: Headers[] = [];
  let failure: unknown;
  let grown = Promise.withResolvers<void>();
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      requests.push(request.headers);
      try {
        if (new URL(request.url).pathname !== "/v1/traces" || request.method !== "POST") {
          throw new Error(`${request.method} ${request.url} is no export of traces.`);
        }
        spans.push(...received(await request.bytes()));
      } catch (thrown) {
        failure = thrown;
      }
      grown.resolve();
      grown = Promise.withResolvers();
      return new Response(null, { headers: { "content-type": "application/x-protobuf" } });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}/v1/traces`,
    spans,
    requests,
    async until(found) {
      while (failure === undefined && !found(spans)) await grown.promise;
      if (failure !== undefined) throw failure;
      return spans;
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

function received(bytes: Uint8Array): ReceivedSpan[] {
  const exported = decodeMessage(exportRequest, bytes) as unknown as Exported;
  return exported.resourceSpans.flatMap(({ resource: of, scopeSpans: scopes }) =>
    scopes
      .flatMap(({ spans }) => spans)
      .map((one) => receivedSpan(one, attributesOf(of.attributes)["service.name"])),
  );
}

function receivedSpan(one: Record<string, unknown>, service: unknown): ReceivedSpan {
  const { traceId, spanId, parentSpanId = "", name, kind, start, end, attributes = [] } = one;
  const { code, message } = (one.status ?? {}) as { code?: number; message?: string };
  const span = { traceId, spanId, parentSpanId, name, kind, start, end } as Omit<ReceivedSpan, "attributes">;
  if (!/^[0-9a-f]{32}$/.test(span.traceId) || !/^[0-9a-f]{16}$/.test(span.spanId)) {
    throw new Error(`A span has no ids: ${JSON.stringify([traceId, spanId])}`);
  }
  if (span.end < span.start) throw new Error(`The span ${span.name} ends before it begins.`);
  return {
    ...span,
    attributes: attributesOf(attributes as KeyValue[]),
    error: code === 2 ? message : undefined,
    service,
  };
}

function attributesOf(list: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]]));
}
