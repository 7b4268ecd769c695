import type { ByteMeter } from "../../cells/byte-meter.ts";
import { streamOf } from "../stream-of.ts";
import type { CachedResponse } from "./store.ts";

/** What tells workerd's client that this is no miss. */
const hit = { "cf-cache-status": "HIT" };
/** How much of a body is handed to a cell at a time: a cell that reads slowly holds no copy of all of it. */
const sliceBytes = 256 * 1_024;

export const miss = (): Response =>
  new Response(null, { status: 504, headers: { "cf-cache-status": "MISS" } });

/** A stored response for a request: 304 when the client has it already, 206 for a range. */
export function answer(stored: CachedResponse, request: Headers, meter: ByteMeter): Response {
  const { body, policy, status } = stored;
  const headers = new Headers(stored.headers);
  const { age, date } = policy.responseHeaders();
  if (age !== undefined) headers.set("age", String(age));
  if (date !== undefined) headers.set("date", String(date));
  for (const [name, value] of Object.entries(hit)) headers.set(name, value);
  if (isUnchanged(headers, request)) return new Response(null, { status: 304, headers });
  const range = status === 200 ? parseRange(request.get("range"), body.byteLength) : undefined;
  if (range === "unsatisfiable") {
    return new Response(null, {
      status: 416,
      headers: { ...hit, "content-range": `bytes */${body.byteLength}` },
    });
  }
  if (range === undefined) return respond(body, status, headers, meter);
  const { start, end } = range;
  headers.set("content-range", `bytes ${start}-${end - 1}/${body.byteLength}`);
  return respond(body.subarray(start, end), 206, headers, meter);
}

/** Statuses that have no body (Fetch standard, null body status). */
const bodiless = new Set([204, 205, 304]);

function respond(body: Uint8Array, status: number, headers: Headers, meter: ByteMeter): Response {
  if (bodiless.has(status)) return new Response(null, { status, headers });
  headers.set("content-length", String(body.byteLength));
  if (body.byteLength > sliceBytes) return new Response(streamOf(slices(body), meter), { status, headers });
  meter.moved(body.byteLength, 0);
  return new Response(new Uint8Array(body), { status, headers });
}

async function* slices(body: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < body.byteLength; from += sliceBytes) {
    yield new Uint8Array(body.subarray(from, from + sliceBytes));
  }
}

/** RFC 9110, 13.1.2 and 13.1.3: `If-None-Match` goes before `If-Modified-Since`. */
function isUnchanged(stored: Headers, request: Headers): boolean {
  const wanted = request.get("if-none-match");
  if (wanted !== null) {
    const tag = stored.get("etag");
    if (tag === null) return false;
    return wanted.trim() === "*" || wanted.split(",").some((each) => weak(each) === weak(tag));
  }
  const since = Date.parse(request.get("if-modified-since") ?? "");
  // NaN compares as false.
  return Date.parse(stored.get("last-modified") ?? "") <= since;
}

const weak = (tag: string): string => tag.trim().replace(/^W\//, "");

/** One range of bytes, `end` exclusive; undefined for none, or for what a server may ignore (RFC 9110, 14.2). */
function parseRange(
  header: string | null,
  size: number,
): { start: number; end: number } | "unsatisfiable" | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? "");
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const length = Number(last);
    return length === 0 || size === 0 ? "unsatisfiable" : { start: Math.max(0, size - length), end: size };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return undefined;
  if (start >= size) return "unsatisfiable";
  return { start, end: last === "" ? size : Math.min(size, Number(last) + 1) };
}
