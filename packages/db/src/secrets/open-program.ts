import type { EnvValue } from "@openworkers/core";
import type { StoredProgram } from "../stores/programs.ts";
import type { SecretKeys } from "./secret-keys.ts";

/**
 * What `env` holds for a program: its manifest's vars, and over them the values of its environment with the
 * secrets opened. To be kept in memory alone.
 *
 * @throws OpenWorkersError SECRET_UNREADABLE
 */
export async function openProgram(
  { vars, environment }: StoredProgram,
  secretKeys: SecretKeys,
): Promise<Map<string, EnvValue>> {
  const env = new Map(vars);
  if (environment === undefined) return env;
  for (const stored of environment.values) {
    const value =
      stored.kind === "var"
        ? stored.value
        : await secretKeys.open(stored.sealed, { environmentId: environment.id, name: stored.name });
    env.set(stored.name, { kind: "text", value });
  }
  return env;
}
