import { createApp } from "./app.ts";
import { type Document, documentOf, joined } from "./http/openapi.ts";
import { createIdentityApp } from "./identity/app.ts";

/** The OpenAPI 3.1 document of the API, sign-in and all. */
export function openApiDocument(): Document {
  return joined(documentOf(createApp()), documentOf(createIdentityApp()));
}
