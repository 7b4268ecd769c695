import { messageOf } from "@openworkers/core";
import { createSetupLink, hasAdmin } from "@openworkers/db";
import type { Output } from "../../output/output.ts";
import {
  type DeployedSystemWorker,
  deploySystemWorkers,
  type SystemWorkersOptions,
} from "./system-workers.ts";

/** A deploy reaches the runner within some 50 ms, unless its connection to PostgreSQL is just being made again. */
const servedMs = 5_000;

/** The API, as a platform's start tells of it. */
export interface ApiSummary {
  readonly url: string;
  /** Makes whoever opens it the first admin, once; null when there is one. */
  readonly setupUrl: string | null;
}

export interface StartApiOptions extends Omit<SystemWorkersOptions, "force"> {
  readonly output: Output;
  /** Whether the runner has a version live. */
  serves(worker: string, version: number): boolean;
}

/**
 * Puts the API's workers live where they are not. Workers are served without it: whatever fails is a warning.
 *
 * @returns undefined when it is off
 */
export async function startApi(options: StartApiOptions): Promise<ApiSummary | undefined> {
  const { output, baseUrl, signal } = options;
  try {
    const deployed = await deploySystemWorkers(options);
    await untilServed(deployed, options);
    for (const { name, live } of deployed) {
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

/** Whoever is told that the platform is ready must not be told next that there is no API. */
async function untilServed(
  deployed: readonly DeployedSystemWorker[],
  { serves, signal }: Pick<StartApiOptions, "serves" | "signal">,
): Promise<void> {
  const latest = performance.now() + servedMs;
  for (const { name, version } of deployed) {
    while (version !== undefined && !serves(name, version) && performance.now() < latest) {
      signal.throwIfAborted();
      await Bun.sleep(5);
    }
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
