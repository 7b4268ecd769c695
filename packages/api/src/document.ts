import { createApp } from "./app.ts";
import { documentOf } from "./http/describe.ts";

/** The OpenAPI 3.1 document of the API. */
export function openApiDocument(): ReturnType<typeof documentOf> {
  return documentOf(createApp());
}
