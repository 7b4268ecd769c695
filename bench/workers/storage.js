// Passes objects between the client and its bucket, and measures what it is told to.
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const key = url.pathname.slice(1);
    if (request.method === "PUT") return Response.json(await env.BUCKET.put(key, request.body));
    const rounds = Number(url.searchParams.get("rounds") ?? 0);
    if (rounds === 0) return new Response((await env.BUCKET.get(key)).body);
    for (let round = 0; round < rounds; round++) await (await env.BUCKET.get(key)).arrayBuffer();
    return new Response("done");
  },
};
