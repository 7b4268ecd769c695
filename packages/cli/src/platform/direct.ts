import { connect, type Database } from "@openworkers/db";
import { type CommandContext, choiceOf, type PlatformOptions, withContext } from "../commands/context.ts";
import { chooseProfile, type Profile, runningProfiles } from "../profile/profile.ts";
import { readSystemSettings } from "./system-workers/settings.ts";
import { workerUrl } from "./worker-url.ts";

/** A platform by its database alone, for what only its operator does. */
export interface DirectPlatform extends CommandContext {
  readonly database: Database;
  readonly databaseUrl: string;
  /** Of a platform that runs on this machine. */
  readonly profile: Profile | undefined;
}

/**
 * Runs `work` with the database of the platform that the options name, `DATABASE_URL`'s, or of the one started last.
 *
 * @throws OpenWorkersError NOT_FOUND when none runs
 */
export async function withDatabase<T>(
  options: PlatformOptions,
  work: (platform: DirectPlatform) => Promise<T>,
): Promise<T> {
  return await withContext(options, async (context) => {
    const choice = choiceOf(options);
    const { DATABASE_URL: given } = process.env;
    const chosen =
      choice.name !== undefined || choice.port !== undefined || process.env.OW_PROFILE !== undefined;
    const profile =
      given === undefined || chosen
        ? await chooseProfile(choice)
        : (await runningProfiles()).find(({ databaseUrl }) => databaseUrl === given);
    const databaseUrl = profile?.databaseUrl ?? given ?? "";
    await using database = connect(databaseUrl, { max: 4, applicationName: "ow" });
    return await work({ ...context, database, databaseUrl, profile });
  });
}

/** Where people see the API of a platform: `http://api.localhost:8787`, unless `OW_API_URL` says otherwise. */
export function apiUrlOf({ profile }: Pick<DirectPlatform, "profile">): string {
  const { OW_BASE_DOMAIN } = process.env;
  const { baseDomain, port } = profile ?? { baseDomain: OW_BASE_DOMAIN ?? "localhost", port: 8787 };
  return readSystemSettings(process.env).baseUrl ?? workerUrl("api", baseDomain, port).replace(/\/$/, "");
}
