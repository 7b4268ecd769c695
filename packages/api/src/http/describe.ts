import { type Document, referencePage, referencePolicy } from "../reference/page.ts";
import type { Api } from "./route.ts";

/** Serves the OpenAPI document at `/v1/openapi.json`. */
export function describeApi(app: Api): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "An API key (`ow_…`), or the token of a session.",
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "session", {
    type: "apiKey",
    in: "cookie",
    name: "ow_session",
    description: "A session of a browser on the API's own origin.",
  });
  let json: string | undefined;
  app.get("/v1/openapi.json", () => {
    json ??= JSON.stringify(documentOf(app));
    return new Response(json, {
      headers: { "content-type": "application/json", "cache-control": "public, max-age=300" },
    });
  });
}

/** Serves a page that tells of every route at `/v1/reference`. */
export function referApi(app: Api): void {
  let page: Promise<string> | undefined;
  app.get("/v1/reference", async () => {
    page ??= referencePage(documentOf(app) as unknown as Document);
    return new Response(await page, {
      headers: {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": referencePolicy,
        "referrer-policy": "no-referrer",
        "cache-control": "public, max-age=300",
      },
    });
  });
}

/** The OpenAPI 3.1 document of an app's routes. */
export function documentOf(app: Api) {
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "OpenWorkers",
      version: "1",
      description: "Workers, what they are bound to, and who may do what with them.",
      license: { name: "MIT" },
    },
    servers: [{ url: "/" }],
  });
}
