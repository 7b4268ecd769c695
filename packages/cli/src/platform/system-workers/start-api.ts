import { messageOf } from "@openworkers/core";
import { createSetupLink, hasAdmin } from "@openworkers/db";
import type { Output } from "../../output/output.ts";
import {
  type DeployedSystemWorker,
  deploySystemWorkers,
  type SystemWorkersOptions,
} from "./system-workers.ts";
import { isDashboardBuilt } from "./table.ts";

/** A deploy reaches the runner within some 50 ms, unless its connection to PostgreSQL is just being made again. */
const servedMs = 5_000;

/** The API, as a platform's start tells of it. */
export interface ApiSummary {
  readonly url: string;
  /** Makes whoever opens it the first admin, once; null when there is one. */
  readonly setupUrl: string | null;
  /** Where the dashboard is; null when it is off. */
  readonly dashboard: string | null;
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
export async function startApi(given: StartApiOptions): Promise<ApiSummary | undefined> {
  const { output, baseUrl, signal } = given;
  const options = given.dashboard === undefined || isDashboardBuilt() ? given : withoutDashboard(given);
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
    return {
      url: `${baseUrl}/v1`,
      setupUrl: await setupUrlOf(options),
      dashboard: options.dashboard?.[0] ?? null,
    };
  } catch (thrown) {
    signal.throwIfAborted();
    output.warn(`The API is off; all else works. ${messageOf(thrown)}`);
    return undefined;
  }
}

function withoutDashboard({ dashboard: _, ...options }: StartApiOptions): StartApiOptions {
  options.output.warn("The dashboard is off: it has not been built. To build it: ./setup");
  return options;
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
async function setupUrlOf(options: Pick<SystemWorkersOptions, "database" | "baseUrl" | "dashboard">) {
  const { database } = options;
  return (await hasAdmin(database)) ? null : setupUrl(options, (await createSetupLink(database)).token);
}

/** Where a setup link leads: the dashboard's page, or the API's own where there is no dashboard. */
export function setupUrl(
  { baseUrl, dashboard }: Pick<SystemWorkersOptions, "baseUrl" | "dashboard">,
  token: string,
): string {
  const [origin] = dashboard ?? [];
  return origin === undefined ? `${baseUrl}/v1/auth/setup?token=${token}` : `${origin}/setup?token=${token}`;
}
