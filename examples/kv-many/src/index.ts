interface Env {
  SETTINGS: KVNamespace;
}

interface Origin {
  by: string;
}

/** `PUT /` takes a JSON object of settings; `GET /?key=a&key=b`, `/origins?key=…` and `/keys?prefix=` read many at once. */
export default {
  async fetch(request, env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const keys = searchParams.getAll("key");
    if (request.method === "PUT") {
      const settings = await request.json<Record<string, unknown>>();
      const metadata: Origin = { by: request.headers.get("x-user") ?? "nobody" };
      await Promise.all(
        Object.entries(settings).map(([key, value]) =>
          env.SETTINGS.put(key, JSON.stringify(value), { metadata, expirationTtl: 3_600 }),
        ),
      );
      return new Response(null, { status: 204 });
    }
    if (request.method === "DELETE") {
      await Promise.all(keys.map((key) => env.SETTINGS.delete(key)));
      return new Response(null, { status: 204 });
    }
    switch (pathname) {
      case "/":
        return Response.json(Object.fromEntries(await env.SETTINGS.get<unknown>(keys, "json")));
      case "/origins": {
        const found = await env.SETTINGS.getWithMetadata<Origin>(keys, { type: "text", cacheTtl: 60 });
        // A key that is not there has no entry's value, whatever the types say.
        const origins = [...found].map(([key, entry]) => [key, entry?.metadata?.by ?? null]);
        return Response.json(Object.fromEntries(origins));
      }
      case "/keys":
        return Response.json(await allKeys(env.SETTINGS, searchParams.get("prefix") ?? ""));
      default:
        return new Response("Not found\n", { status: 404 });
    }
  },
} satisfies ExportedHandler<Env>;

/** Page by page, to the last. */
async function allKeys(namespace: KVNamespace, prefix: string): Promise<string[]> {
  const names: string[] = [];
  let page = await namespace.list<Origin>({ prefix, limit: 2 });
  for (;;) {
    names.push(...page.keys.map(({ name }) => name));
    if (page.list_complete) return names;
    page = await namespace.list<Origin>({ prefix, limit: 2, cursor: page.cursor });
  }
}
