import { OpenWorkersError } from "@openworkers/core";
import type { Backend } from "../backend/backend.ts";

/**
 * The version that was live alone last; while two share the requests, that is the one before the new one came.
 *
 * @throws OpenWorkersError NOT_FOUND when there was none
 */
export async function versionBefore(backend: Backend, worker: string): Promise<number> {
  const [live, ...earlier] = await backend.deployments(worker);
  const current = live?.shares.length === 1 ? live.shares[0]?.version : undefined;
  for (const { shares } of earlier) {
    const [only] = shares;
    if (shares.length === 1 && only !== undefined && only.version !== current) return only.version;
  }
  throw new OpenWorkersError("NOT_FOUND", `${worker} has no earlier deployment of another version.`, {
    hint: `Choose one of \`ow versions ${worker}\`: ow rollback ${worker} VERSION`,
  });
}
