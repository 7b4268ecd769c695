import { errorPage } from "./error-page.ts";
import type { ResponseHead } from "./http/response-head.ts";
import type { Answer } from "./problems.ts";

let dateLine = "";
let dateSecond = 0;

/** The Date field (RFC 9110 §6.6.1), written once a second. */
export function date(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateLine = `Date: ${new Date(second * 1000).toUTCString()}\r\n`;
  }
  return dateLine;
}

/** How the client learns where a response body ends. */
export type Framing = "none" | "length" | "chunked" | "close";

/** The framing of a cell's response towards a client; undefined when the cell did not say where it ends. */
export function framingOf(head: ResponseHead, method: string, minor: 0 | 1): Framing | undefined {
  if (method === "HEAD" || head.status === 204 || head.status === 304) return "none";
  if (head.bodyLength === undefined) return undefined;
  if (head.bodyLength >= 0) return "length";
  return minor === 1 ? "chunked" : "close";
}

/** A head for the client, as latin1 text. */
export function writeHead(
  head: ResponseHead,
  framing: Framing,
  requestId: string,
  keepAlive: boolean,
): string {
  const length =
    head.bodyLength !== undefined && head.bodyLength >= 0 && head.status !== 204
      ? `Content-Length: ${head.bodyLength}\r\n`
      : "";
  return `HTTP/1.1 ${head.status} ${head.reason}\r\n${head.fields}${head.hasDate ? "" : date()}X-Request-Id: ${requestId}\r\n${framing === "chunked" ? "Transfer-Encoding: chunked\r\n" : length}${keepAlive ? "" : "Connection: close\r\n"}\r\n`;
}

/** A head that opens a tunnel. */
export function writeSwitch(head: ResponseHead, requestId: string): string {
  return `HTTP/1.1 101 Switching Protocols\r\n${head.fields}X-Request-Id: ${requestId}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
}

export interface AnswerOptions {
  readonly requestId: string;
  readonly accept: string | undefined;
  readonly method: string;
  readonly keepAlive: boolean;
}

const reasons: Readonly<Record<number, string>> = {
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  417: "Expectation Failed",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  508: "Loop Detected",
  505: "HTTP Version Not Supported",
};

/** A whole response of the platform's own. */
export function writeAnswer(answer: Answer, options: AnswerOptions): Buffer {
  const page = errorPage(answer, options.requestId, options.accept);
  const head = [
    `HTTP/1.1 ${answer.status} ${reasons[answer.status] ?? ""}`,
    `${date()}Content-Type: ${page.contentType}`,
    `Content-Length: ${Buffer.byteLength(page.body)}`,
    "Cache-Control: no-store",
    "X-Content-Type-Options: nosniff",
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'",
    "Vary: Accept",
    `X-Request-Id: ${options.requestId}`,
  ];
  if (answer.reason !== undefined) head.push(`X-Termination-Reason: ${answer.reason}`);
  if (answer.retryAfterS !== undefined) head.push(`Retry-After: ${answer.retryAfterS}`);
  if (answer.status === 405) head.push("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  if (!options.keepAlive) head.push("Connection: close");
  const text = `${head.join("\r\n")}\r\n\r\n`;
  return Buffer.from(options.method === "HEAD" ? text : text + page.body, "utf8");
}
