/** @typedef {{ PICTURES: R2Bucket, WRITE_KEY?: string }} Env */

/**
 * Whether the request has the key. Compared in a time that says nothing of where the two differ.
 * @param {Request} request
 * @param {Env} env
 */
function mayWrite(request, env) {
  if (env.WRITE_KEY === undefined) return false;
  const encoder = new TextEncoder();
  const given = encoder.encode(request.headers.get("x-write-key") ?? "");
  const needed = encoder.encode(env.WRITE_KEY);
  return given.byteLength === needed.byteLength && crypto.subtle.timingSafeEqual(given, needed);
}

/** @type {ExportedHandler<Env>} */
export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    const key = decodeURIComponent(url.pathname.slice(1));
    if (request.method === "PUT" || request.method === "DELETE") {
      if (!mayWrite(request, env)) return new Response("Forbidden\n", { status: 403 });
      if (request.method === "PUT") {
        const object = await env.PICTURES.put(key, request.body, {
          httpMetadata: request.headers,
          customMetadata: { from: request.headers.get("x-user") ?? "nobody" },
        });
        return Response.json({ etag: object.etag }, { status: 201 });
      }
      await env.PICTURES.delete(key);
      await caches.default.delete(url);
      return new Response(null, { status: 204 });
    }
    if (request.method !== "GET") return new Response(null, { status: 405 });
    if (key === "") {
      const { objects, delimitedPrefixes } = await env.PICTURES.list({
        prefix: url.searchParams.get("in") ?? "",
        delimiter: "/",
        include: ["customMetadata"],
      });
      return Response.json({
        folders: delimitedPrefixes,
        files: objects.map(({ key, size, customMetadata }) => ({ key, size, from: customMetadata?.from })),
      });
    }
    const cached = await caches.default.match(request);
    if (cached !== undefined) return cached;
    const object = await env.PICTURES.get(key);
    if (object === null) return new Response("Not found\n", { status: 404 });
    const response = new Response(object.body);
    object.writeHttpMetadata(response.headers);
    response.headers.set("etag", object.httpEtag);
    response.headers.set("cache-control", "s-maxage=60");
    ctx.waitUntil(caches.default.put(request, response.clone()));
    return response;
  },
};
