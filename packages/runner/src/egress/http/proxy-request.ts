import { listOf } from "../../ingress/http/field.ts";
import { hasControl, parseContentLength, visitFields } from "../../ingress/http/head.ts";
import type { Span } from "../../tracing/span.ts";
import { formatTraceparent, traceparentHeader } from "../../tracing/traceparent.ts";

/** What a cell asks its proxy for: a request of HTTP, or a connection. */
export type ProxyRequest = FetchRequest | ConnectRequest;

interface Asked {
  /** As `Destination.host`. */
  readonly host: string;
  readonly port: number;
  /** The request that the cell says it asks for; believed by nobody without looking. */
  readonly requestId: string | undefined;
}

export interface FetchRequest extends Asked {
  readonly kind: "fetch";
  readonly method: string;
  readonly tls: boolean;
  /** Path and query. */
  readonly path: string;
  /** For the Host field: with the port, where it is not the scheme's own. */
  readonly authority: string;
  /** The end-to-end fields to send, each line with its CRLF. */
  readonly fields: string;
  /** -1 when chunked; 0 when there is none. */
  readonly bodyLength: number;
  readonly hasLength: boolean;
  readonly webSocket: boolean;
}

export interface ConnectRequest extends Asked {
  readonly kind: "connect";
}

/** The request of a cell that asks, as the cell's prelude marks what it sends. */
export const requestHeader = "x-ow-request";

const startLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([!-~\x80-\xff]+) HTTP\/1\.1$/;
const absoluteForm = /^https?:\/\/[^/?#\\]+(?:[/?]|$)/i;
const authorityForm = /^[^/?#@\\]+:\d{1,5}$/;

// Fields between two hops (RFC 9110 §7.6.1), those for proxies, and what is written anew or was never the worker's.
const dropped: ReadonlySet<string> = new Set([
  ...["connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "expect", "host"],
  ...["proxy-authorization", "proxy-authenticate", "http2-settings"],
]);

/**
 * Parses what a cell sends to its proxy, as strictly as what a client sends: the cell may have been taken over, and
 * what leaves, written anew from this, must be one request to the host that was judged.
 *
 * @param text the head, latin1, its empty line included
 * @returns the request, or what is wrong with it
 */
export function parseProxyRequest(text: string): ProxyRequest | string {
  return parse(text, new Set());
}

function parse(text: string, hopByHop: ReadonlySet<string>): ProxyRequest | string {
  const lineEnd = text.indexOf("\r\n");
  const line = text.slice(0, lineEnd);
  const [, method, target] = startLine.exec(line) ?? [];
  if (method === undefined || target === undefined || hasControl(line))
    return "the request line is malformed";
  let fields = "";
  let requestId: string | undefined;
  let length: number | undefined;
  let chunked = false;
  let connection = "";
  let upgrade = "";
  const wrong = visitFields(text, lineEnd + 2, ({ lower }, value, fieldLine) => {
    if (lower === requestHeader) requestId = value;
    if (lower.startsWith("x-ow-")) return undefined;
    switch (lower) {
      case "content-length":
        if (length !== undefined) return "there are two Content-Length fields";
        length = parseContentLength(value);
        return length === undefined ? "Content-Length is not a number" : undefined;
      case "transfer-encoding":
        if (chunked || value.toLowerCase() !== "chunked") return "the only transfer coding is chunked";
        chunked = true;
        return undefined;
      case "connection":
        connection += `${value},`;
        return undefined;
      case "upgrade":
        upgrade += value;
        return undefined;
    }
    if (!dropped.has(lower) && !hopByHop.has(lower)) fields += `${fieldLine}\r\n`;
    return undefined;
  });
  if (wrong !== undefined) return wrong;
  if (chunked && length !== undefined) return "there is both a Content-Length and a Transfer-Encoding";
  const listed = listOf(connection).filter((name) => name !== "upgrade");
  if (listed.length > 0 && hopByHop.size === 0) return parse(text, new Set(listed));
  if (method === "CONNECT") return parseConnect(target, requestId);
  const url = absoluteForm.test(target) ? parseUrl(target) : undefined;
  if (url === undefined) return "the request target is no http or https URL";
  const webSocket = listOf(connection).includes("upgrade") && upgrade.toLowerCase() === "websocket";
  const bodyLength = chunked ? -1 : (length ?? 0);
  if (webSocket && (method !== "GET" || bodyLength !== 0))
    return "a WebSocket opens with a GET without a body";
  const tls = url.protocol === "https:";
  return {
    kind: "fetch",
    method,
    tls,
    host: hostOf(url),
    port: url.port === "" ? (tls ? 443 : 80) : Number(url.port),
    path: `${url.pathname}${url.search}`,
    authority: url.host,
    fields,
    bodyLength,
    hasLength: length !== undefined,
    webSocket,
    requestId,
  };
}

function parseConnect(target: string, requestId: string | undefined): ConnectRequest | string {
  const url = authorityForm.test(target) ? parseUrl(`connect://${target}`) : undefined;
  // A scheme without a default port keeps whichever port is written; the host is read as a web address's is.
  const special = url === undefined ? undefined : parseUrl(`http://${url.host}`);
  const port = Number(url?.port);
  if (special === undefined || !(port > 0)) return "the address to connect to is malformed";
  return { kind: "connect", host: hostOf(special), port, requestId };
}

function parseUrl(text: string): URL | undefined {
  return URL.parse(text) ?? undefined;
}

/** The host without the brackets of IPv6. */
function hostOf({ hostname }: URL): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}

/** The head that the host is sent. @param span of the request, which the host may go on from */
export function writeRequestHead(
  { method, path, authority, fields, ...request }: FetchRequest,
  span?: Span,
): Buffer {
  const trace = span === undefined || saysTrace.test(fields) ? "" : traceLine(span);
  const { bodyLength, hasLength, webSocket } = request;
  const length = hasLength ? `Content-Length: ${bodyLength}\r\n` : "";
  const framing = bodyLength < 0 ? "Transfer-Encoding: chunked\r\n" : length;
  const upgrade = webSocket ? "Connection: Upgrade\r\nUpgrade: websocket\r\n" : "";
  return Buffer.from(
    `${method} ${path} HTTP/1.1\r\nHost: ${authority}\r\n${fields}${trace}${framing}${upgrade}\r\n`,
    "latin1",
  );
}

// What the worker says itself goes before what is said for it.
const saysTrace = /^traceparent:/im;

function traceLine({ context }: Span): string {
  return `${traceparentHeader}: ${formatTraceparent(context)}\r\n`;
}
