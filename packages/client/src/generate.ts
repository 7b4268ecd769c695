import { openApiDocument } from "@openworkers/api/document";
import openapiTypes, { astToString } from "openapi-typescript";

/** Where the types are kept, from the repository's root on. */
export const generatedFile = "packages/client/src/generated/api.ts";

/** The source text of the client's types, as the API's document has them now. */
export async function clientTypes(): Promise<string> {
  const document = JSON.stringify(openApiDocument());
  const types = astToString(await openapiTypes(document, { alphabetize: true }));
  return `// Made by scripts/client-types.ts from the API's OpenAPI document. Do not change it by hand.\n\n${types}`;
}
