import { isOpenWorkersError, OpenWorkersError, type WorkerId } from "@openworkers/core";
import type { LogPaths } from "@openworkers/logs";
import type { Backend } from "../backend/backend.ts";
import { type Profile, runningProfiles } from "../profile/profile.ts";

/** How to read a platform's logs. */
export interface LogsAccess {
  /** Of the logs service, which may have another port after a restart. */
  url(): Promise<string>;
  /** Good for an hour, and for what was asked for alone. */
  token(): Promise<string>;
  /** Where they are there; the logs service's own paths unless given. */
  readonly paths?: LogPaths;
}

/**
 * Access to the logs of a worker, or of all without.
 *
 * @param profile of the running platform; without, `OW_LOGS_URL` says where its logs are
 */
export function logsAccess(
  backend: Backend,
  profile: Profile | undefined,
  workerId: WorkerId | undefined,
): LogsAccess {
  return {
    async url() {
      const { OW_LOGS_URL } = process.env;
      if (OW_LOGS_URL !== undefined && OW_LOGS_URL !== "") {
        return OW_LOGS_URL.endsWith("/") ? OW_LOGS_URL : `${OW_LOGS_URL}/`;
      }
      const running = profile && (await runningProfiles()).find(({ name }) => name === profile.name);
      const url = running?.logsUrl ?? profile?.logsUrl;
      if (url !== undefined) return url;
      throw new OpenWorkersError("CONFIG_INVALID", "Where the platform's logs are read is not known here.", {
        hint: "Set OW_LOGS_URL to its logs service, as http://127.0.0.1:6434/.",
      });
    },
    token: () => backend.createLogToken(workerId),
  };
}

/** How often a worker that is not there is looked for. */
const lookMs = 300;

/** The worker's id, waiting until it is there; undefined when `signal` aborts before. */
export async function untilWorker(
  backend: Backend,
  worker: string,
  signal: AbortSignal,
): Promise<WorkerId | undefined> {
  while (!signal.aborted) {
    try {
      return await backend.workerId(worker);
    } catch (thrown) {
      if (!isOpenWorkersError(thrown, "NOT_FOUND")) throw thrown;
    }
    await Bun.sleep(lookMs);
  }
  return undefined;
}
