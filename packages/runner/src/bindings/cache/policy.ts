import CachePolicy from "http-cache-semantics";
import type { StoredHead } from "./stored-head.ts";

/** Fields of ours and of the client's, which are no part of what was asked for. */
const dropped = new Set(["cache-control", "pragma", "cf-cache-namespace", "x-real-ip"]);

/** A request as the policy sees it. What it says of caching does not count: it is the worker that caches. */
export function policyRequest(url: string, headers: Headers): CachePolicy.Request {
  const kept = [...headers].filter(([name]) => !dropped.has(name) && !name.startsWith("x-ow-"));
  return { url, method: "GET", headers: fieldsOf(kept) };
}

/**
 * Fields as the policy may see them. It splits lists at commas with the blanks around them, in a time quadratic in
 * the length of any white space: one worker's field of 100 KB would stop everybody for seconds.
 */
function fieldsOf(headers: Iterable<[string, string]>): Record<string, string> {
  return Object.fromEntries(
    [...headers].map(([name, value]) => {
      const short = value.replace(/\s+/g, " ");
      // Directives have no case (RFC 9111, 5.2), and the policy knows only small letters: it would keep what is PRIVATE.
      return [name, name === "cache-control" ? short.toLowerCase() : short];
    }),
  );
}

/** Names in a `Vary`; each is looked at in every match. */
const maxVaryNames = 64;

/**
 * Whether and for how long a shared cache may keep a response (RFC 9111), and how Cloudflare's cache differs: it keeps
 * no `Set-Cookie`, and takes it away when `Cache-Control: private=Set-Cookie` says so.
 *
 * @returns undefined when it may not.
 */
export function storagePolicy(
  request: CachePolicy.Request,
  { status, headers }: StoredHead,
): CachePolicy | undefined {
  const control = (headers.get("cache-control") ?? "").replace(/\s+/g, " ");
  if (/\bprivate\s*=\s*"?set-cookie"?/i.test(control)) {
    headers.set(
      "cache-control",
      control.replace(/,?\s*\bprivate\s*=\s*"?set-cookie"?/i, "").replace(/^,\s*/, ""),
    );
    headers.delete("set-cookie");
  }
  const vary = headers.get("vary") ?? "";
  if (headers.has("set-cookie") || vary.includes("*") || vary.split(",").length > maxVaryNames)
    return undefined;
  const policy = new CachePolicy(
    request,
    { status, headers: fieldsOf(headers) },
    // Guessing from Last-Modified is not what whoever puts a response without a lifetime expects.
    { shared: true, cacheHeuristic: 0 },
  );
  return policy.storable() && policy.timeToLive() > 0 ? policy : undefined;
}
