import start from "./get-started.ts";

interface Env {
  USERS_NOTIFICATION_CONFIG: KVNamespace;
  CF_VERSION_METADATA: WorkerVersionMetadata;
}

/** `/` is Cloudflare's example; the rest is a small store: PUT, GET, DELETE `/notes/<key>`, GET `/notes?prefix=`. */
export default {
  async fetch(request, env, ctx): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const kv = env.USERS_NOTIFICATION_CONFIG;
    if (pathname === "/version") return Response.json(env.CF_VERSION_METADATA);
    if (pathname === "/notes") {
      const cursor = searchParams.get("cursor");
      return Response.json(
        await kv.list({
          prefix: searchParams.get("prefix"),
          limit: 2,
          ...(cursor === null ? {} : { cursor }),
        }),
      );
    }
    if (!pathname.startsWith("/notes/")) return start.fetch(request, env, ctx);
    const key = decodeURIComponent(pathname.slice("/notes/".length));
    switch (request.method) {
      case "PUT": {
        const ttl = searchParams.get("ttl");
        await kv.put(key, request.body ?? "", {
          metadata: { type: request.headers.get("content-type") },
          ...(ttl === null ? {} : { expirationTtl: Number(ttl) }),
        });
        return new Response(null, { status: 204 });
      }
      case "DELETE":
        await kv.delete(key);
        return new Response(null, { status: 204 });
      default: {
        const { value, metadata } = await kv.getWithMetadata<{ type: string | null }>(key, "stream");
        if (value === null) return new Response("Not found\n", { status: 404 });
        return new Response(value, { headers: { "content-type": metadata?.type ?? "text/plain" } });
      }
    }
  },
} satisfies ExportedHandler<Env>;
