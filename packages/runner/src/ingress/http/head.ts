import { type Field, fieldOf } from "./field.ts";

/** Largest head, request line included. Cloudflare takes 128 KB, nginx 32 KB, Node 16 KB. */
export const maxHeadBytes = 64 * 1024;
export const maxFields = 256;

const headEnd = Buffer.from("\r\n\r\n", "latin1");

/**
 * Where the head in `bytes` ends (the index after its empty line), -1 when more must come, or -2 when no
 * further byte can make it a head: a line ended by a bare LF would otherwise be waited on for ever.
 */
export function findHeadEnd(bytes: Buffer): number {
  const at = bytes.indexOf(headEnd);
  if (at >= 0) return at + 4;
  for (let lf = bytes.indexOf(10); lf >= 0; lf = bytes.indexOf(10, lf + 1)) {
    if (lf === 0 || bytes[lf - 1] !== 13) return -2;
  }
  return -1;
}

// Control characters other than HTAB inside a line. Lines are split at CRLF, so a CR or an LF left in one
// stands alone, which no two parsers read alike (RFC 9112 §2.2).
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\0-\x08\x0a-\x1f\x7f]/;

/** Whether a start line or field value holds a byte that no parser should be trusted with. */
export function hasControl(text: string): boolean {
  return control.test(text);
}

/** Takes one field; returns what is wrong with the message, if anything is. */
export type FieldVisitor = (field: Field, value: string, line: string) => string | undefined;

/**
 * Walks the field lines of a head, from the line after the start line on. Returns what is wrong, if anything.
 *
 * @param text the head, latin1, its empty line included
 * @param from the index after the start line's CRLF
 */
export function visitFields(text: string, from: number, visit: FieldVisitor): string | undefined {
  const end = text.length - 2;
  let count = 0;
  for (let at = from; at < end; ) {
    const lineEnd = text.indexOf("\r\n", at);
    const line = text.slice(at, lineEnd);
    at = lineEnd + 2;
    if (++count > maxFields) return `more than ${maxFields} header fields`;
    const first = line.charCodeAt(0);
    if (first === 32 || first === 9) return "a header field is folded over two lines";
    const colon = line.indexOf(":");
    if (colon <= 0) return "a header line has no name";
    if (hasControl(line)) return "a header field holds a control character";
    const field = fieldOf(line.slice(0, colon));
    if (field === undefined) return "a header field has an invalid name";
    const wrong = visit(field, trimBlank(line.slice(colon + 1)), line);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/**
 * Without the white space around it that HTTP knows (RFC 9110 §5.6.3). `trim()` would take a no-break space for
 * some, and read `chunked\xa0` as a coding that the proxy in front does not see.
 */
export function trimBlank(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

const digits = /^[0-9]{1,16}$/;

/** A Content-Length, or undefined when it is not one number (lists and signs included). */
export function parseContentLength(value: string): number | undefined {
  if (!digits.test(value)) return undefined;
  const length = Number(value);
  return Number.isSafeInteger(length) ? length : undefined;
}
