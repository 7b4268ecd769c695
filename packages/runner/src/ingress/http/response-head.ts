import { listOf } from "./field.ts";
import { hasControl, parseContentLength, visitFields } from "./head.ts";

/** A cell's response head, as far as the ingress acts on it. */
export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  /** The end-to-end fields to forward, each line with its CRLF, in the cell's order and spelling. */
  readonly fields: string;
  readonly hasDate: boolean;
  /** -1 when chunked, undefined when the head says nothing of a body. */
  readonly bodyLength: number | undefined;
  readonly keepAlive: boolean;
  /** Value of `x-ow-exception`: the prelude's word that the worker threw or cannot answer. */
  readonly exception: string | undefined;
}

const startLine = /^HTTP\/1\.1 ([1-5][0-9][0-9])(?: (.*))?$/;
const noNames: ReadonlySet<string> = new Set();

/**
 * Parses a cell's response head as strictly as a client's: the cell may have been taken over, and what it
 * sends must not become a second response on the client's connection. undefined when it is not well-formed.
 */
export function parseResponseHead(text: string): ResponseHead | undefined {
  return parse(text, noNames);
}

function parse(text: string, hopByHop: ReadonlySet<string>): ResponseHead | undefined {
  const lineEnd = text.indexOf("\r\n");
  const line = text.slice(0, lineEnd);
  const start = startLine.exec(line);
  if (start === null || hasControl(line)) return undefined;

  let fields = "";
  let hasDate = false;
  let length: number | undefined;
  let chunked = false;
  let connection: string | undefined;
  let exception: string | undefined;
  const wrong = visitFields(text, lineEnd + 2, (field, value, fieldLine) => {
    switch (field.kind) {
      case "content-length":
        if (length !== undefined) return "doubled";
        length = parseContentLength(value);
        return length === undefined ? "not a number" : undefined;
      case "transfer-encoding":
        if (chunked || value.toLowerCase() !== "chunked") return "unknown transfer coding";
        chunked = true;
        return undefined;
      case "connection":
        connection = connection === undefined ? value : `${connection},${value}`;
        return undefined;
      case "exception-mark":
        exception = value;
        return undefined;
      case "upgrade":
      case "request-id":
      case "scheme":
      case "depth":
        return undefined;
      case "dropped":
        // Names that only mean something in a request (`forwarded`, `cf-*`) are the worker's to use here.
        if (hopByHopResponse.test(field.lower)) return undefined;
        break;
      case "date":
        hasDate = true;
        break;
      default:
        break;
    }
    if (!hopByHop.has(field.lower)) fields += `${fieldLine}\r\n`;
    return undefined;
  });
  if (wrong !== undefined || (chunked && length !== undefined)) return undefined;

  let keepAlive = true;
  if (connection !== undefined) {
    const members = listOf(connection);
    keepAlive = !members.includes("close");
    const listed = members.filter((name) => name !== "close" && name !== "keep-alive" && name !== "upgrade");
    if (listed.length > 0 && hopByHop === noNames) return parse(text, new Set(listed));
  }
  return {
    status: Number(start[1]),
    reason: start[2] ?? "",
    fields,
    hasDate,
    bodyLength: chunked ? -1 : length,
    keepAlive,
    exception,
  };
}

const hopByHopResponse = /^(x-ow-.*|keep-alive|proxy-connection|te|trailer|x-termination-reason)$/;
