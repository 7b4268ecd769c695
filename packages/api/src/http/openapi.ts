import type { OpenAPIHono } from "@hono/zod-openapi";

/** An OpenAPI document, as apps of ours give it. */
export type Document = ReturnType<typeof documentOf>;

/** Where the worker that signs people in describes its routes. */
export const identityDocumentPath = "/v1/auth/openapi.json";

/** The OpenAPI 3.1 document of an app's routes. */
export function documentOf(app: Pick<OpenAPIHono, "getOpenAPI31Document">) {
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

/** One document of the API's own routes and those of sign-in. */
export function joined(api: Document, identity: Document): Document {
  return {
    ...api,
    paths: { ...identity.paths, ...api.paths },
    components: {
      ...api.components,
      schemas: { ...identity.components?.schemas, ...api.components?.schemas },
    },
  };
}
