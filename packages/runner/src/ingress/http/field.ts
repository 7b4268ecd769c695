import { schemeHeader } from "../../cells/cell.ts";

/** What the ingress does with a header field, decided by its name alone. */
export type FieldKind =
  | "plain"
  | "host"
  | "content-length"
  | "transfer-encoding"
  | "connection"
  | "upgrade"
  | "expect"
  | "accept"
  | "version-key"
  | "request-id"
  | "traceparent"
  | "forwarded-for"
  | "forwarded-proto"
  | "forwarded-host"
  | "exception-mark"
  | "scheme"
  | "depth"
  | "date"
  | "dropped";

/**
 * How many calls through bindings led to a request. The prelude passes it on to the next one, and a worker that
 * leaves it out is bounded by its limits alone.
 */
export const depthHeader = "X-Ow-Depth";

export interface Field {
  readonly lower: string;
  readonly kind: FieldKind;
}

/** The worker that threw, and the one without a `fetch` handler, are marked with it by the prelude. */
export const exceptionHeader = "x-ow-exception";

const kinds: Readonly<Record<string, FieldKind>> = {
  host: "host",
  "content-length": "content-length",
  "transfer-encoding": "transfer-encoding",
  connection: "connection",
  upgrade: "upgrade",
  expect: "expect",
  accept: "accept",
  "x-version-key": "version-key",
  "cloudflare-workers-version-key": "version-key",
  "x-request-id": "request-id",
  traceparent: "traceparent",
  "x-forwarded-for": "forwarded-for",
  "x-forwarded-proto": "forwarded-proto",
  "x-forwarded-host": "forwarded-host",
  date: "date",
  [exceptionHeader]: "exception-mark",
  [schemeHeader.toLowerCase()]: "scheme",
  [depthHeader.toLowerCase()]: "depth",
  // Hop-by-hop (RFC 9110 §7.6.1) and what only the platform may say.
  "keep-alive": "dropped",
  "proxy-connection": "dropped",
  te: "dropped",
  trailer: "dropped",
  "x-termination-reason": "dropped",
  forwarded: "dropped",
  "x-real-ip": "dropped",
};

const platformPrefix = /^(x-ow-|x-forwarded-|cf-)/;
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

// Names repeat from request to request, in the few spellings of the clients around: a bounded memo saves
// a regular expression and two strings for each. It stops growing rather than evicting, so that a client
// inventing names costs itself time and nobody memory.
const known = new Map<string, Field>();
const maxKnown = 2_048;

/** The field of that name, or undefined when `name` is not a token (RFC 9110 §5.6.2). */
export function fieldOf(name: string): Field | undefined {
  const found = known.get(name);
  if (found !== undefined) return found;
  if (!token.test(name)) return undefined;
  const lower = name.toLowerCase();
  const kind = Object.hasOwn(kinds, lower) ? kinds[lower] : undefined;
  const field: Field = { lower, kind: kind ?? (platformPrefix.test(lower) ? "dropped" : "plain") };
  if (known.size < maxKnown && name.length <= 64) known.set(name, field);
  return field;
}

/** The comma-separated members of a list field, lower-case, empty ones dropped. */
export function listOf(value: string): string[] {
  return value
    .toLowerCase()
    .split(",")
    .map((member) => member.trim())
    .filter((member) => member !== "");
}
