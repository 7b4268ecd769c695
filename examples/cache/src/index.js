// After https://developers.cloudflare.com/workers/examples/cache-api/: where it fetches from an origin, this makes the response.
/** @type {ExportedHandler} */
export default {
  async fetch(request, _env, ctx) {
    const cacheUrl = new URL(request.url);
    // Construct the cache key from the cache URL
    const cacheKey = new Request(cacheUrl.toString(), request);
    const cache = caches.default;

    if (request.method === "DELETE")
      return Response.json({ deleted: await cache.delete(cacheUrl.toString()) });

    // Check whether the value is already available in the cache
    // if not, make it, and store it in the cache
    let response = await cache.match(cacheKey);

    if (!response) {
      response = new Response(`${crypto.randomUUID()}\n`, { headers: { ETag: '"v1"' } });
      // Cache API respects Cache-Control headers: this keeps the response for 10 seconds at most
      response.headers.append("Cache-Control", "s-maxage=10");
      ctx.waitUntil(cache.put(cacheKey, response.clone()));
    }
    return response;
  },
};
