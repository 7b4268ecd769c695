import { type EnvironmentId, isOpenWorkersError, type UserId } from "@openworkers/core";
import {
  changeValues,
  createEnvironment,
  type Database,
  findEnvironment,
  type NewValue,
  type SecretKeys,
} from "@openworkers/db";

import type { SystemSettings } from "./settings.ts";
import type { SystemWorkersOptions } from "./system-workers.ts";
import type { SystemWorker } from "./table.ts";

/** What a system worker finds on `env` besides its bindings; what is undefined is not there. */
export interface SystemValues {
  readonly vars: Readonly<Record<string, string | undefined>>;
  readonly secrets: Readonly<Record<string, string | undefined>>;
  /** Names of secrets that are made once, of 32 random bytes each. */
  readonly made: readonly string[];
}

/** What one is to find. */
export function systemValues(
  name: SystemWorker["name"],
  { registration, mail, github }: SystemSettings,
  { baseUrl, dashboard }: Pick<SystemWorkersOptions, "baseUrl" | "dashboard">,
): SystemValues {
  if (name === "dashboard") return { vars: {}, secrets: {}, made: [] };
  const origins = { BASE_URL: baseUrl, DASHBOARD_URL: dashboard?.join(" ") };
  if (name === "api") return { vars: origins, secrets: {}, made: [] };
  return {
    vars: {
      ...origins,
      REGISTRATION: registration,
      MAIL: mail,
      GITHUB_CLIENT_ID: github?.clientId,
      GITHUB_URL: github?.url,
    },
    secrets: { GITHUB_CLIENT_SECRET: github?.clientSecret },
    made: ["AUTH_SECRET"],
  };
}

/**
 * Makes the environment of a system worker hold these values, and touches nothing that is as it should be: each change
 * starts the worker's cells anew.
 *
 * @returns the environment
 * @throws OpenWorkersError SECRET_UNREADABLE, DATABASE_UNAVAILABLE
 */
export async function syncValues(
  database: Database,
  secretKeys: Pick<SecretKeys, "open">,
  { name, owner, values }: { readonly name: string; readonly owner: UserId; readonly values: SystemValues },
): Promise<{ readonly environmentId: EnvironmentId }> {
  const environmentId = await ensureEnvironment(database, name, owner);
  const there = await openedValues(database, secretKeys, environmentId);
  const set: NewValue[] = [];
  const unset: string[] = [];
  for (const kind of ["var", "secret"] as const) {
    for (const [key, value] of Object.entries(kind === "var" ? values.vars : values.secrets)) {
      if (value === undefined) {
        if (there.has(key)) unset.push(key);
      } else if (there.get(key) !== value) set.push({ name: key, kind, value });
    }
  }
  for (const key of values.made.filter((each) => !there.has(each))) {
    const value = crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url" });
    set.push({ name: key, kind: "secret", value });
  }
  if (set.length === 0 && unset.length === 0) return { environmentId };
  await changeValues(database, { environmentId, set, unset, by: owner });
  return { environmentId };
}

async function ensureEnvironment(database: Database, name: string, owner: UserId): Promise<EnvironmentId> {
  try {
    return await findEnvironment(database, { name, owner });
  } catch (thrown) {
    if (!isOpenWorkersError(thrown, "NOT_FOUND")) throw thrown;
    return await createEnvironment(database, { name, by: owner });
  }
}

/** What an environment holds, by name, its secrets opened. @throws OpenWorkersError SECRET_UNREADABLE */
export async function openedValues(
  database: Database,
  secretKeys: Pick<SecretKeys, "open">,
  environmentId: EnvironmentId,
): Promise<Map<string, string>> {
  const rows = await database.read((queries) =>
    queries
      .selectFrom("environment_values")
      .select(["name", "value", "sealed"])
      .where("environment_id", "=", environmentId)
      .execute(),
  );
  const opened = new Map<string, string>();
  for (const { name, value, sealed } of rows) {
    if (value !== null) opened.set(name, value);
    if (sealed !== null) opened.set(name, await secretKeys.open(sealed, { environmentId, name }));
  }
  return opened;
}
