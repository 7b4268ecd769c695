import { connect, type Database, systemWorkerState } from "@openworkers/db";
import { type CommandContext, choiceOf, type PlatformOptions, withContext } from "../commands/context.ts";
import { chooseProfile, type Profile, runningProfiles } from "../profile/profile.ts";
import { dashboardOrigins, readSystemSettings } from "./system-workers/settings.ts";
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

/** Where people see a platform's API and dashboard. */
export interface PlatformPlaces {
  /** `http://api.localhost:8787`, unless `OW_API_URL` says otherwise. */
  readonly baseUrl: string;
  /** The dashboard's origins, the one that links lead to first; absent where there is none. */
  readonly dashboard?: readonly string[];
}

export async function placesOf({
  profile,
  database,
}: Pick<DirectPlatform, "profile" | "database">): Promise<PlatformPlaces> {
  const { OW_BASE_DOMAIN } = process.env;
  const { baseDomain, port } = profile ?? { baseDomain: OW_BASE_DOMAIN ?? "localhost", port: 8787 };
  const settings = readSystemSettings(process.env);
  const baseUrl = settings.baseUrl ?? workerUrl("api", baseDomain, port).replace(/\/$/, "");
  const deployed = await systemWorkerState(database, "dashboard");
  if (deployed?.builtFrom === undefined) return { baseUrl };
  return { baseUrl, dashboard: dashboardOrigins(settings, { apiUrl: baseUrl, baseDomain }) };
}
