import { join } from "node:path";
import { OpenWorkersError } from "@openworkers/core";
import { z } from "zod";
import { isAnswering } from "../live-logs/client.ts";
import { PrivateFiles } from "./files.ts";
import { owHome } from "./home.ts";
import { profileName } from "./name.ts";

const profileSchema = z.object({
  version: z.literal(1),
  name: profileName,
  port: z.int(),
  baseDomain: z.string(),
  databaseUrl: z.string(),
  dataDir: z.string(),
  /** Unix socket on which the platform says what it serves; whether it answers says whether the platform runs. */
  logsSocket: z.string(),
  /** Where logs are read, with a token. */
  logsUrl: z.url().optional(),
  sandbox: z.enum(["bubblewrap", "none"]),
  /** Where tenant databases are reached; absent when they are off. */
  databases: z.object({ http: z.url(), host: z.string(), port: z.int() }).optional(),
  pid: z.int(),
  /** Unix milliseconds. */
  startedAt: z.number(),
});

/** Where tenant databases are reached: by HTTP, and by PostgreSQL's protocol. */
export type DatabaseFaces = NonNullable<Profile["databases"]>;

/** How to reach a platform that `ow up` started on this machine. Holds the database's password. */
export type Profile = z.infer<typeof profileSchema>;

const files = new PrivateFiles(() => join(owHome(), "profiles"), profileSchema, "a profile");

/** Leaves the profile for `ow` in other terminals, readable by this user alone; removed on dispose. */
export async function writeProfile(profile: Profile): Promise<AsyncDisposable> {
  await files.write(profile.name, profile);
  return {
    async [Symbol.asyncDispose]() {
      const current = await files.read(profile.name);
      if (current?.pid === profile.pid && current.startedAt === profile.startedAt)
        await files.remove(profile.name);
    },
  };
}

export interface ProfileChoice {
  readonly name?: string;
  readonly port?: number;
}

/**
 * The running platform that `choice` names; without a choice `OW_PROFILE`'s, else the one started last.
 * Profiles that a killed platform left behind do not count.
 *
 * @throws OpenWorkersError NOT_FOUND when none runs, or not the one asked for.
 */
export async function chooseProfile(choice: ProfileChoice = {}): Promise<Profile> {
  const running = await runningProfiles();
  const name = choice.name ?? (choice.port === undefined ? process.env.OW_PROFILE : undefined);
  const fitting = running.filter(
    (profile) =>
      (name === undefined || profile.name === name) &&
      (choice.port === undefined || profile.port === choice.port),
  );
  const [last] = fitting;
  if (last !== undefined) return last;
  if (running.length === 0) {
    throw new OpenWorkersError("NOT_FOUND", "No platform is running on this machine.", {
      hint: "Start one with `ow up` (or `npm start`), or set DATABASE_URL to the database of another.",
    });
  }
  const names = running.map((profile) => `${profile.name} (port ${profile.port})`).join(", ");
  throw new OpenWorkersError("NOT_FOUND", `No platform is running as ${name ?? `port ${choice.port}`}.`, {
    hint: `Running: ${names}.`,
  });
}

/** The platforms that answer now, last started first. */
export async function runningProfiles(): Promise<Profile[]> {
  const known = await files.all();
  const answers = await Promise.all(known.map((profile) => isAnswering(profile.logsSocket)));
  return known.filter((_, index) => answers[index]).sort((a, b) => b.startedAt - a.startedAt);
}
