import { createApp } from "./app.ts";
import { openApiDocument } from "./http/describe.ts";

/** The OpenAPI document that the API serves, for what is made from it before it runs. */
export function apiDocument() {
  return openApiDocument(createApp());
}
