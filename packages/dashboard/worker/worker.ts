interface Environment {
  readonly API: { fetch(request: Request): Promise<Response> };
  readonly ASSETS: { fetch(request: Request): Promise<Response> };
}

/** Only `/v1/*` comes here before the files: the API, on the page's own origin. */
export default {
  fetch(request: Request, { API, ASSETS }: Environment): Promise<Response> {
    return new URL(request.url).pathname.startsWith("/v1/") ? API.fetch(request) : ASSETS.fetch(request);
  },
};
