import type { WorkerCode } from "@openworkers/core";
import { codeForm } from "@openworkers/core/code-form-writer";
import { type ApiClient, once } from "./client.ts";
import type { components } from "./generated/api.ts";

/** What a deploy says besides the code: `Upload` of the API's document. */
export type UploadMetadata = Omit<
  Partial<components["schemas"]["Upload"]>,
  "modules" | "compatibilityDate" | "compatibilityFlags"
>;

/**
 * Deploys a version: the API starts it in a throw-away cell, stores it and makes it live.
 *
 * @throws ApiError START_FAILED with the worker's own stack trace in `details`, CONFLICT, FORBIDDEN …
 */
export async function uploadVersion(
  client: ApiClient,
  worker: string,
  code: WorkerCode,
  metadata: UploadMetadata = {},
): Promise<components["schemas"]["Deployed"]> {
  const response = await client.fetch(`/v1/workers/${encodeURIComponent(worker)}/versions`, {
    method: "POST",
    body: codeForm(code, metadata),
    headers: once(),
  });
  return (await response.json()) as components["schemas"]["Deployed"];
}
