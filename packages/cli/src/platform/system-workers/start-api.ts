import { messageOf } from "@openworkers/core";
import { createSetupLink, hasAdmin } from "@openworkers/db";
import type { Output } from "../../output/output.ts";
import { deploySystemWorkers, type SystemWorkersOptions } from "./system-workers.ts";

/** The API, as a platform's start tells of it. */
export interface ApiSummary {
  readonly url: string;
  /** Makes whoever opens it the first admin, once; null when there is one. */
  readonly setupUrl: string | null;
}

/**
 * Puts the API's workers live where they are not. Workers are served without it: whatever fails is a warning.
 *
 * @returns undefined when it is off
 */
export async function startApi(
  options: Omit<SystemWorkersOptions, "force"> & { readonly output: Output },
): Promise<ApiSummary | undefined> {
  const { output, baseUrl, signal } = options;
  try {
    for (const { name, live } of await deploySystemWorkers(options)) {
      if (!live) {
        output.warn(
          `${name} is not the version of this release, as somebody has decided. To change that: ow api deploy`,
        );
      }
    }
    return { url: `${baseUrl}/v1`, setupUrl: await setupUrlOf(options) };
  } catch (thrown) {
    signal.throwIfAborted();
    output.warn(`The API is off; all else works. ${messageOf(thrown)}`);
    return undefined;
  }
}

/** A new one-time link while there is no admin; null when there is one. */
async function setupUrlOf({ database, baseUrl }: Pick<SystemWorkersOptions, "database" | "baseUrl">) {
  return (await hasAdmin(database)) ? null : setupUrl(baseUrl, (await createSetupLink(database)).token);
}

/** Where a setup link leads. */
export function setupUrl(baseUrl: string, token: string): string {
  return `${baseUrl}/v1/auth/setup?token=${token}`;
}
