import { storageError } from "./storage-error.ts";

/** Bytes of an object that exist. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** What is asked for: a part, the end, or whatever a `Range` header says. */
export type RangeRequest =
  | { readonly offset?: number | undefined; readonly length?: number | undefined }
  | { readonly suffix: number }
  | { readonly header: string };

/**
 * The bytes of an object of `size` that a request is for; all of them when a header is malformed or has several
 * ranges, as RFC 9110 section 14.2 allows.
 *
 * @throws the error invalidRange when there are none
 */
export function resolveRange(request: RangeRequest | undefined, size: number): ByteRange {
  if (request === undefined) return { offset: 0, length: size };
  if ("header" in request) return resolveHeader(request.header, size);
  if ("suffix" in request) {
    if (request.suffix <= 0) throw storageError("invalidRange");
    const length = Math.min(request.suffix, size);
    return { offset: size - length, length };
  }
  const { offset = 0, length = size - offset } = request;
  if (offset < 0 || offset > size || (length <= 0 && size > 0)) throw storageError("invalidRange");
  return { offset, length: Math.min(Math.max(length, 0), size - offset) };
}

/**
 * The two numbers of a `Range` header of one range, in digits, either of which may be missing; undefined for any other
 * header.
 */
export function parseRangeHeader(
  header: string,
): { readonly first: string; readonly last: string } | undefined {
  const found = rangeField.exec(header);
  return found === null ? undefined : { first: found[1] ?? "", last: found[2] ?? "" };
}

// One way only to read any white space: a worker writes this, and `\s*(\d*)\s*` takes a time cubic in it.
const rangeField = /^\s*bytes\s*=\s*(?:(\d+)\s*)?-\s*(?:(\d+)\s*)?$/i;

function resolveHeader(header: string, size: number): ByteRange {
  const { first, last } = parseRangeHeader(header) ?? { first: "", last: "" };
  if (first === "")
    return last === "" ? { offset: 0, length: size } : resolveRange({ suffix: Number(last) }, size);
  const offset = Number(first);
  const end = last === "" ? size : Number(last) + 1;
  if (end <= offset && last !== "") return { offset: 0, length: size };
  if (offset >= size) throw storageError("invalidRange");
  return { offset, length: Math.min(end, size) - offset };
}
