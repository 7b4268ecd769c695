/**
 * What a page of the request's origin is allowed to read: nothing, unless the origin is listed. No cookies: who asks
 * shows a token.
 */
export function corsHeaders(request: Request, origins: readonly string[]): [string, string][] {
  if (origins.length === 0) return [];
  const origin = request.headers.get("origin");
  const vary: [string, string] = ["vary", "origin"];
  if (origin === null || !origins.includes(origin)) return [vary];
  return [vary, ["access-control-allow-origin", origin]];
}

/** Answers what a browser asks before the request itself. */
export function preflight(cors: readonly [string, string][]): Response {
  const allowed = cors.length > 1;
  const headers = new Headers(cors.map(([name, value]): [string, string] => [name, value]));
  if (allowed) {
    headers.set("access-control-allow-methods", "GET");
    headers.set("access-control-allow-headers", "authorization, last-event-id");
    headers.set("access-control-max-age", "600");
  }
  return new Response(null, { status: 204, headers });
}
