/**
 * Stands in front of an origin: what is asked here is asked of the server that the request's URL names, once for as long as the
 * cache has its answer. Give the worker that server's host with a route.
 */
export default {
  async fetch(request, _env, ctx): Promise<Response> {
    const key = await cacheKey(request);
    if (key === undefined) return fetch(request);
    const cached = await caches.default.match(key);
    if (cached !== undefined) return cached;
    // The options of `cf` mean nothing here: it is the Cache API that keeps the answer.
    const answer = await fetch(request, { cf: { cacheTtl: 30, cacheEverything: true } });
    // What `fetch` gives has headers that cannot be changed; a response made of it has its own.
    const response = new Response(answer.body, answer);
    if (response.ok) {
      response.headers.set("cache-control", "s-maxage=30");
      ctx.waitUntil(caches.default.put(key, response.clone()));
    }
    return response;
  },
} satisfies ExportedHandler;

/** What the answer is kept under, if it is: for a POST, an address made of what its body hashes to. */
async function cacheKey(request: Request): Promise<Request | undefined> {
  if (request.method === "GET") return new Request(request.url, request);
  if (request.method !== "POST") return undefined;
  const digest = await crypto.subtle.digest("SHA-256", await request.clone().arrayBuffer());
  const url = new URL(request.url);
  url.pathname = `/posted${url.pathname}/${new Uint8Array(digest).toHex()}`;
  return new Request(url, { headers: request.headers });
}
