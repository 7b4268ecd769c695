import { listOf } from "../../ingress/http/field.ts";
import { hasControl, parseContentLength, visitFields } from "../../ingress/http/head.ts";

/** The head of a response from outside. */
export interface OriginHead {
  readonly status: number;
  readonly reason: string;
  /** The end-to-end fields for the cell, each line with its CRLF. */
  readonly fields: string;
  /** -1 when chunked, undefined when the body ends with the connection. */
  readonly bodyLength: number | undefined;
  readonly keepAlive: boolean;
  readonly webSocket: boolean;
}

const startLine = /^HTTP\/1\.([01]) ([1-5][0-9][0-9])(?: (.*))?$/;

const dropped: ReadonlySet<string> = new Set([
  ...["connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"],
  ...["proxy-authenticate", "proxy-authentication-info"],
]);

/**
 * Parses a response head from outside. HTTP/1.0 and bodies that end with the connection are taken; anything of which
 * two parsers could make two responses is not.
 *
 * @param text the head, latin1, its empty line included
 * @returns undefined when it is malformed
 */
export function parseOriginHead(text: string): OriginHead | undefined {
  return parse(text, new Set());
}

function parse(text: string, hopByHop: ReadonlySet<string>): OriginHead | undefined {
  const lineEnd = text.indexOf("\r\n");
  const [, minor, status, reason = ""] = startLine.exec(text.slice(0, lineEnd)) ?? [];
  if (minor === undefined || hasControl(reason)) return undefined;
  let fields = "";
  let length: number | undefined;
  let chunked = false;
  let connection = "";
  let upgrade = "";
  const wrong = visitFields(text, lineEnd + 2, ({ lower }, value, fieldLine) => {
    switch (lower) {
      case "content-length":
        // Servers behind proxies repeat it; the same number twice says nothing else (RFC 9110 §8.6).
        if (length !== undefined && length !== parseContentLength(value)) return "two lengths";
        length = parseContentLength(value);
        return length === undefined ? "no length" : undefined;
      case "transfer-encoding":
        if (chunked || value.toLowerCase() !== "chunked") return "an unknown transfer coding";
        chunked = true;
        return undefined;
      case "connection":
        connection += `${value},`;
        return undefined;
      case "upgrade":
        upgrade += value;
        return undefined;
    }
    // What the platform alone may tell a cell.
    if (lower.startsWith("x-ow-") || dropped.has(lower) || hopByHop.has(lower)) return undefined;
    fields += `${fieldLine}\r\n`;
    return undefined;
  });
  if (wrong !== undefined || (chunked && (length !== undefined || minor === "0"))) return undefined;
  const options = listOf(connection);
  const listed = options.filter((name) => name !== "close" && name !== "keep-alive" && name !== "upgrade");
  if (listed.length > 0 && hopByHop.size === 0) return parse(text, new Set(listed));
  return {
    status: Number(status),
    reason,
    fields,
    bodyLength: chunked ? -1 : length,
    keepAlive: minor === "1" ? !options.includes("close") : options.includes("keep-alive"),
    webSocket: options.includes("upgrade") && upgrade.toLowerCase() === "websocket",
  };
}
