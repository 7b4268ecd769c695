import { createClient } from "@openworkers/client";
import { OpenWorkersError, previewLabel } from "@openworkers/core";
import { ApiBackend } from "../backend/api-backend.ts";
import { apiFetch } from "../profile/api-fetch.ts";
import type { ApiAccess } from "../profile/login.ts";
import type { OpenPlatform } from "./platform.ts";

/** The platform whose API is at an address, as whoever the token is of. */
export function apiPlatform({ url, token }: ApiAccess): OpenPlatform {
  const { OW_ACCOUNT: account } = process.env;
  const client = createClient({ url, token, fetch: apiFetch });
  const backend = new ApiBackend({ client, ...(account === undefined ? {} : { account }) });
  return {
    backend,
    // The API starts a worker in a throw-away cell of its own before it stores it.
    sandbox: undefined,
    profile: undefined,
    url: (worker, version) =>
      workerUrlBeside(url, version === undefined ? worker : previewLabel(version, worker)),
    logs: () => ({ url: async () => `${url}/v1/`, token: async () => token }),
    databaseFaces: () => {
      throw new OpenWorkersError(
        "DATABASE_UNAVAILABLE",
        "Where this platform's databases are reached is not known here.",
        { hint: "Make a token and connect to where its operator says: ow databases tokens create NAME" },
      );
    },
    served: async () => undefined,
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}

/** Address of a worker: the API is at `api.<base domain>`, and workers are beside it. */
function workerUrlBeside(api: string, label: string): string {
  const { protocol, host } = new URL(api);
  return `${protocol}//${label}.${host.replace(/^api\./, "")}/`;
}
