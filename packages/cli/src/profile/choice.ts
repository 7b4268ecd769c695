import { type ApiAccess, apiFromEnvironment, currentProfile, findLogin } from "./login.ts";
import type { ProfileChoice } from "./profile.ts";

/** A platform to work on: by its API, or else by its database. */
export interface ChosenPlatform extends ProfileChoice {
  readonly api?: ApiAccess;
}

/**
 * What `choice` means, and what the user has chosen before where it says nothing: `OW_PROFILE`, `OW_API_URL`,
 * `DATABASE_URL`, `ow profile use`. Neither a name, a port nor an API is left when it is the platform started last.
 *
 * @throws OpenWorkersError CONFIG_INVALID
 */
export async function chosenPlatform(
  choice: ProfileChoice,
  env: NodeJS.ProcessEnv = process.env,
): Promise<ChosenPlatform> {
  if (choice.port !== undefined) return choice;
  const named = choice.name ?? env.OW_PROFILE;
  if (named === undefined) {
    const api = apiFromEnvironment(env);
    if (api !== undefined) return { api };
    if (env.DATABASE_URL !== undefined) return {};
  }
  const name = named ?? (await currentProfile());
  if (name === undefined) return {};
  const login = await findLogin(name);
  return login === undefined ? { name } : { api: login };
}
