import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, OpenWorkersError } from "@openworkers/core";
import { z } from "zod";
import { isAnswering } from "../live-logs/client.ts";
import { owHome } from "./home.ts";

const profileSchema = z.object({
  version: z.literal(1),
  name: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
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

const extension = ".json";

function folder(): string {
  return join(owHome(), "profiles");
}

/** Leaves the profile for `ow` in other terminals, readable by this user alone; removed on dispose. */
export async function writeProfile(profile: Profile): Promise<AsyncDisposable> {
  await mkdir(folder(), { recursive: true, mode: 0o700 });
  await chmod(folder(), 0o700);
  const path = join(folder(), profile.name + extension);
  // A reader sees the old file or the new one, never half of one.
  const draft = `${path}.${process.pid}.new`;
  await writeFile(draft, `${JSON.stringify(profile, null, 2)}\n`, { mode: 0o600 });
  await rename(draft, path);
  return {
    async [Symbol.asyncDispose]() {
      const current = await readProfile(path);
      if (current?.pid === profile.pid && current.startedAt === profile.startedAt)
        await rm(path, { force: true });
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
  const names = (await unlessMissing(readdir(folder()))) ?? [];
  const profiles = await Promise.all(
    names.filter((name) => name.endsWith(extension)).map((name) => readProfile(join(folder(), name))),
  );
  const known = profiles.filter((profile) => profile !== undefined);
  const answers = await Promise.all(known.map((profile) => isAnswering(profile.logsSocket)));
  return known.filter((_, index) => answers[index]).sort((a, b) => b.startedAt - a.startedAt);
}

async function readProfile(path: string): Promise<Profile | undefined> {
  const text = await unlessMissing(readFile(path, "utf8"));
  if (text === undefined) return undefined;
  try {
    return profileSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new OpenWorkersError("CONFIG_INVALID", `${path} is not a profile that this release can read.`, {
      hint: `Remove it: rm ${path}`,
      cause,
    });
  }
}

/** undefined when it is not there; a file that may not be read is not one that is missing. */
async function unlessMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT") return undefined;
    throw new OpenWorkersError(
      "CONFIG_INVALID",
      `The profiles in ${folder()} cannot be read (${code ?? messageOf(cause)}).`,
      {
        hint: "Run ow as the user who started the platform, or set OW_HOME to a directory of your own.",
        cause,
      },
    );
  }
}
