import type { Span } from "../tracing/span.ts";
import { formatTraceparent, traceparentHeader } from "../tracing/traceparent.ts";
import type { RequestHead } from "./http/request-head.ts";
import type { Origin } from "./trusted-proxies.ts";

export interface RequestHeadOptions {
  readonly requestId: string;
  readonly origin: Pick<Origin, "lines">;
  /** Absent for a call through a binding, which came to no host of ours. */
  readonly forwardedHost?: string;
}

/** The head that a cell is sent: what the client said, less what it may not say, and what the platform adds. */
export function writeRequestHead(head: RequestHead, options: RequestHeadOptions, span?: Span): Buffer {
  const { method, target, host, bodyLength, hasLength, webSocket } = head;
  const fields = span === undefined ? head.fields : withTrace(head.fields, span);
  const { origin, forwardedHost, requestId } = options;
  const length = hasLength ? `Content-Length: ${bodyLength}\r\n` : "";
  const framing = bodyLength < 0 ? "Transfer-Encoding: chunked\r\n" : length;
  const upgrade = webSocket ? "Connection: Upgrade\r\nUpgrade: websocket\r\n" : "";
  const forwarded = forwardedHost === undefined ? "" : `X-Forwarded-Host: ${forwardedHost}\r\n`;
  return Buffer.from(
    `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${fields}${origin.lines}${forwarded}X-Request-Id: ${requestId}\r\n${framing}${upgrade}\r\n`,
    "latin1",
  );
}

/** A client's own word of a trace would say that the worker's doings are part of something else. */
function withTrace(fields: string, span: Span): string {
  return `${fields.replace(traceFields, "")}${traceparentHeader}: ${formatTraceparent(span.context)}\r\n`;
}

const traceFields = /^traceparent:.*\r\n/gim;
