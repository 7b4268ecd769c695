import type { ApiClient } from "@openworkers/client";
import { type DatabaseScope, OpenWorkersError, previewLabel } from "@openworkers/core";
import { apiLogPaths } from "@openworkers/logs";
import { ApiBackend } from "../backend/api-backend.ts";
import { facesFrom } from "../databases/faces.ts";
import type { ApiAccess } from "../profile/login.ts";
import { clientOf } from "./api-context.ts";
import type { OpenPlatform } from "./platform.ts";

/** The platform whose API is at an address, as whoever the token is of. */
export function apiPlatform({ url, token }: ApiAccess): OpenPlatform {
  const { OW_ACCOUNT: account } = process.env;
  const client = clientOf({ url, token });
  const backend = new ApiBackend({ client, ...(account === undefined ? {} : { account }) });
  return {
    backend,
    // The API starts a worker in a throw-away cell of its own before it stores it.
    sandbox: undefined,
    profile: undefined,
    url: (worker, version) =>
      workerUrlBeside(url, version === undefined ? worker : previewLabel(version, worker)),
    logs: () => ({ url: async () => `${url}/v1/`, token: async () => token, paths: apiLogPaths }),
    databaseFaces: () => {
      const faces = facesFrom(process.env);
      if (faces !== undefined) return faces;
      throw new OpenWorkersError(
        "DATABASE_UNAVAILABLE",
        "Where this platform's databases speak PostgreSQL's protocol is not known here.",
        { hint: "Set OW_DATABASES_HTTP and OW_DATABASES_POSTGRES to what its operator says." },
      );
    },
    queryDatabase: (id, scope, body, signal) => query(client, id, scope, body, signal),
    served: async () => undefined,
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}

async function query(client: ApiClient, id: string, scope: DatabaseScope, body: object, signal: AbortSignal) {
  const reading = scope === "read-only";
  const response = await client.fetch(`/v1/databases/${id}/query`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(reading ? { batch: [...onlyReading, body] } : body),
    signal,
  });
  const answer = (await response.json()) as { readonly results: readonly unknown[] };
  return reading ? { results: answer.results.slice(onlyReading.length) } : answer;
}

/**
 * The API asks as the database's owner where the caller may write. In a batch, which is one transaction, nothing that comes
 * after these writes: once a statement has its snapshot, PostgreSQL refuses to make the transaction one that does.
 */
const onlyReading = [{ sql: "set transaction read only" }, { sql: "select 1" }];

/** Address of a worker: the API is at `api.<base domain>`, and workers are beside it. */
function workerUrlBeside(api: string, label: string): string {
  const { protocol, host } = new URL(api);
  return `${protocol}//${label}.${host.replace(/^api\./, "")}/`;
}
