interface Env {
  ASSETS: Fetcher;
}

export default {
  async fetch(request, env): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname === "/api/time") return Response.json({ time: new Date().toISOString() });
    if (url.pathname.startsWith("/api/")) return Response.json({ error: "not found" }, { status: 404 });
    // Nothing that is there, and no page that somebody went to: let the files say so in their own way.
    return env.ASSETS.fetch(request);
  },
} satisfies ExportedHandler<Env>;
