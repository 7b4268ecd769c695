import { WorkerEntrypoint } from "cloudflare:workers";

interface Env {
  ASSETS: Fetcher;
}

/** Sees every request before the files do: keeps a folder for members, and writes their names into the pages. */
export default class extends WorkerEntrypoint<Env> {
  override async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const name = /(?:^|;\s*)name=([a-z]{1,20})(?:;|$)/.exec(request.headers.get("cookie") ?? "")?.[1];
    if (url.pathname.startsWith("/members/") && name === undefined) {
      // The host of a URL that is asked of the binding counts for nothing.
      const home = await this.env.ASSETS.fetch("https://assets.invalid/");
      return new Response(home.body, { status: 403, headers: home.headers });
    }
    const response = await this.env.ASSETS.fetch(request);
    if (name === undefined) return response;
    return new HTMLRewriter()
      .on("[data-name]", {
        element(element) {
          element.setInnerContent(name);
        },
      })
      .transform(response);
  }
}
