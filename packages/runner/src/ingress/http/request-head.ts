import { isUtf8 } from "node:buffer";
import { listOf } from "./field.ts";
import { hasControl, parseContentLength, visitFields } from "./head.ts";
import { type Refusal, refusal } from "./refusal.ts";

/** A request's start line and fields, as far as the ingress acts on them; the rest is `fields`. */
export interface RequestHead {
  readonly method: string;
  /** Path and query, byte for byte (latin1). */
  readonly target: string;
  /** HTTP/1.`minor`. */
  readonly minor: 0 | 1;
  /** The Host field as sent, or what the target says in its place. */
  readonly host: string;
  /** Lower-case, without port and trailing dot. */
  readonly hostname: string;
  /** The end-to-end fields to forward, each line with its CRLF, in the client's order and spelling. */
  readonly fields: string;
  /** -1 when chunked; 0 when there is none. */
  readonly bodyLength: number;
  /** There was a Content-Length, be it 0. */
  readonly hasLength: boolean;
  readonly keepAlive: boolean;
  readonly webSocket: boolean;
  readonly expectContinue: boolean;
  readonly accept: string | undefined;
  readonly versionKey: string | undefined;
  readonly requestId: string | undefined;
  readonly traceparent: string | undefined;
  readonly forwardedFor: string | undefined;
  readonly forwardedProto: string | undefined;
  readonly forwardedHost: string | undefined;
  /** Of a call through a binding: the scheme of its URL. */
  readonly scheme: string | undefined;
  /** Of a call through a binding: how many such calls led to it. */
  readonly depth: number;
}

/**
 * Who sends requests: clients, whose word on where a request comes from is not taken, or cells that call other
 * workers, whose fields reach the worker that is called as they are.
 */
export type Dialect = "client" | "service";

// A tab in the target would end it for some parsers.
const startLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([!-~\x80-\xff]+) HTTP\/([0-9])\.([0-9])$/;
const hostField = /^([a-z0-9_](?:[a-z0-9_.-]{0,252}[a-z0-9_.])?|\[[0-9a-f:.]{2,45}\])(?::([0-9]{0,5}))?$/;
const absoluteForm = /^http:\/\/([^/?#]+)([/?].*)?$/i;
const beyondAscii = /[\x80-\xff]/;
const noNames: ReadonlySet<string> = new Set();

/**
 * Parses a request head strictly (RFC 9112): whatever two parsers could read differently is refused, so that
 * what the cell is sent, written anew from this, is what the ingress routed and limited.
 *
 * @param text the head, latin1, its empty line included
 */
export function parseRequestHead(text: string, dialect: Dialect = "client"): RequestHead | Refusal {
  return parse(text, dialect, noNames);
}

function parse(text: string, dialect: Dialect, hopByHop: ReadonlySet<string>): RequestHead | Refusal {
  const lineEnd = text.indexOf("\r\n");
  const line = text.slice(0, lineEnd);
  const start = startLine.exec(line);
  if (start === null || hasControl(line)) return refusal(400, "The request line is malformed.");
  const [, method = "", sentTarget = "", major, minor] = start;
  if (major !== "1" || (minor !== "0" && minor !== "1")) {
    return refusal(505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.");
  }
  if (method === "CONNECT") return refusal(405, "This is not a forward proxy.");
  // A reflected request hands a script the cookies it cannot read (RFC 9110 §9.3.8).
  if (method === "TRACE") return refusal(405, "TRACE is not answered here.");
  let target = sentTarget;
  let authority: string | undefined;
  if (!target.startsWith("/")) {
    const absolute = dialect === "client" ? absoluteForm.exec(target) : null;
    // Without a path, OPTIONS is asked of the server as a whole, as `*` is (RFC 9112 §3.2.4).
    if (absolute === null || (method === "OPTIONS" && absolute[2] === undefined)) {
      return refusal(400, "The request target must be a path, or an http URL with a host.");
    }
    const [, host, rest = "/"] = absolute;
    authority = host;
    target = rest.startsWith("/") ? rest : `/${rest}`;
  }
  // Bytes beyond ASCII are no part of a target, but clients send them as UTF-8, and the cell takes that alone.
  if (beyondAscii.test(target) && !isUtf8(Buffer.from(target, "latin1"))) {
    return refusal(400, "The request target is not UTF-8.");
  }
  if (target.includes("#")) return refusal(400, "The request target holds a fragment.");

  let fields = "";
  let host: string | undefined;
  let length: number | undefined;
  let chunked = false;
  let connection: string | undefined;
  let upgrade: string | undefined;
  let expect: string | undefined;
  let accept: string | undefined;
  let versionKey: string | undefined;
  let requestId: string | undefined;
  let traceparent: string | undefined;
  let forwardedFor: string | undefined;
  let forwardedProto: string | undefined;
  let forwardedHost: string | undefined;
  let scheme: string | undefined;
  let depth = 0;

  const wrong = visitFields(text, lineEnd + 2, (field, value, fieldLine) => {
    switch (field.kind) {
      case "plain":
      case "date":
        if (!hopByHop.has(field.lower)) fields += `${fieldLine}\r\n`;
        return undefined;
      case "host":
        if (host !== undefined) return "there are two Host fields";
        host = value;
        return undefined;
      case "content-length":
        if (length !== undefined) return "there are two Content-Length fields";
        length = parseContentLength(value);
        return length === undefined ? "Content-Length is not a number" : undefined;
      case "transfer-encoding":
        if (chunked || value.toLowerCase() !== "chunked") return "the only transfer coding taken is chunked";
        chunked = true;
        return undefined;
      case "connection":
        connection = connection === undefined ? value : `${connection},${value}`;
        return undefined;
      case "upgrade":
        upgrade = upgrade === undefined ? value : `${upgrade},${value}`;
        return undefined;
      case "expect":
        expect = value;
        return undefined;
      case "accept":
        accept = accept === undefined ? value : `${accept},${value}`;
        if (!hopByHop.has(field.lower)) fields += `${fieldLine}\r\n`;
        return undefined;
      case "version-key":
        versionKey = value;
        fields += `${fieldLine}\r\n`;
        return undefined;
      case "request-id":
        requestId = value;
        return undefined;
      case "traceparent":
        // Two of them are none: the list is no `traceparent`.
        traceparent = traceparent === undefined ? value : `${traceparent},${value}`;
        if (!hopByHop.has(field.lower)) fields += `${fieldLine}\r\n`;
        return undefined;
      case "forwarded-for":
        if (dialect === "service") fields += `${fieldLine}\r\n`;
        forwardedFor = forwardedFor === undefined ? value : `${forwardedFor}, ${value}`;
        return undefined;
      case "forwarded-proto":
        if (dialect === "service") fields += `${fieldLine}\r\n`;
        forwardedProto = value;
        return undefined;
      case "forwarded-host":
        if (dialect === "service") fields += `${fieldLine}\r\n`;
        forwardedHost = value;
        return undefined;
      case "scheme":
        if (dialect === "service") scheme = value;
        return undefined;
      case "depth":
        if (dialect === "service") depth = parseContentLength(value) ?? 0;
        return undefined;
      case "dropped":
        if (dialect === "service" && !droppedAlways.test(field.lower)) fields += `${fieldLine}\r\n`;
        return undefined;
      case "exception-mark":
        return undefined;
    }
  });
  if (wrong !== undefined) return refusal(400, `The request is malformed: ${wrong}.`);

  if (chunked && length !== undefined) {
    return refusal(400, "The request has both a Content-Length and a Transfer-Encoding.");
  }
  if (chunked && minor === "0") return refusal(400, "HTTP/1.0 has no transfer codings.");
  if (host === undefined) return refusal(400, "The request has no Host field.");
  let named = nameIn(host);
  if (named === undefined) return refusal(400, "The Host field is malformed.");
  if (authority !== undefined) {
    // The Host field says nothing then (RFC 9112 §3.2.2).
    host = authority;
    named = nameIn(authority);
    if (named === undefined) return refusal(400, "The host of the request target is malformed.");
  }

  let keepAlive = minor === "1";
  let upgrades = false;
  if (connection !== undefined) {
    const members = listOf(connection);
    if (members.includes("close")) keepAlive = false;
    upgrades = members.includes("upgrade");
    const listed = members.filter((name) => !connectionOptions.has(name));
    if (listed.length > 0 && hopByHop === noNames) return parse(text, dialect, new Set(listed));
  }
  const webSocket =
    upgrades && minor === "1" && upgrade !== undefined && upgrade.toLowerCase() === "websocket";
  const bodyLength = chunked ? -1 : (length ?? 0);
  if (webSocket && (method !== "GET" || bodyLength !== 0)) {
    return refusal(400, "A WebSocket opens with a GET without a body.");
  }
  if (expect !== undefined && expect.toLowerCase() !== "100-continue") {
    return refusal(417, "The only expectation met here is 100-continue.");
  }
  return {
    method,
    target,
    minor: minor === "1" ? 1 : 0,
    host,
    hostname: named.endsWith(".") ? named.slice(0, -1) : named,
    fields,
    bodyLength,
    hasLength: length !== undefined,
    keepAlive,
    webSocket,
    expectContinue: expect !== undefined && minor === "1" && bodyLength !== 0,
    accept,
    versionKey,
    requestId,
    traceparent,
    forwardedFor,
    forwardedProto,
    forwardedHost,
    scheme,
    depth,
  };
}

/** The name in a Host field, lower-case; undefined when it is none. */
function nameIn(host: string): string | undefined {
  const match = hostField.exec(host.toLowerCase());
  // A port beyond 65535 would make the worker's own `new URL(request.url)` throw.
  return match === null || Number(match[2] ?? 0) > 0xffff ? undefined : match[1];
}

const droppedAlways = /^(x-ow-.*|keep-alive|proxy-connection|te|trailer)$/;

const connectionOptions: ReadonlySet<string> = new Set(["close", "keep-alive", "upgrade"]);
