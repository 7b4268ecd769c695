import { OpenWorkersError, previewLabel } from "@openworkers/core";
import { connect } from "@openworkers/db";
import type { Backend } from "../backend/backend.ts";
import { SqlBackend } from "../backend/sql-backend.ts";
import { untilServed } from "../live-logs/client.ts";
import { defaultSandbox, type SandboxKind } from "../platform/sandbox-kind.ts";
import {
  chooseProfile,
  type DatabaseFaces,
  type Profile,
  type ProfileChoice,
  runningProfiles,
} from "../profile/profile.ts";
import { askBus, askPlatform } from "../queues/counter.ts";

export type PlatformChoice = ProfileChoice;

/** A platform that commands can act on. */
export interface OpenPlatform extends AsyncDisposable {
  readonly backend: Backend;
  readonly sandbox: SandboxKind;
  /** The running platform on this machine; absent when only its database is reached. */
  readonly profile: Profile | undefined;
  url(worker: string, version?: number): string;
  /** Where tenant databases are reached. @throws OpenWorkersError DATABASE_UNAVAILABLE when nothing on this machine serves them */
  databaseFaces(): DatabaseFaces;
  /**
   * Resolves with `true` once a version that was deployed is served, with `false` when that takes
   * too long, and with `undefined` when no runner on this machine can be asked.
   */
  served(worker: string, version: number): Promise<boolean | undefined>;
}

/** How long a deploy may take to reach the runner: far more than its 150 ms, for a machine that is busy. */
const servedMs = 5_000;

/** Base of workers' addresses when no running platform says it: where `ow up` serves unless told otherwise. */
const defaultBase = { baseDomain: process.env.OW_BASE_DOMAIN ?? "localhost", port: 8787 };

/**
 * The platform that `choice` names. Without a choice `DATABASE_URL` decides, else the platform started last.
 *
 * @throws OpenWorkersError NOT_FOUND when none runs; DATABASE_UNAVAILABLE comes with the first use.
 */
export async function openPlatform(choice: PlatformChoice): Promise<OpenPlatform> {
  const chosen =
    choice.name !== undefined || choice.port !== undefined || process.env.OW_PROFILE !== undefined;
  const { DATABASE_URL: databaseUrl } = process.env;
  const profile =
    databaseUrl === undefined || chosen
      ? await chooseProfile(choice)
      : (await runningProfiles()).find((running) => running.databaseUrl === databaseUrl);
  return platformAt(profile?.databaseUrl ?? databaseUrl ?? "", profile);
}

/** The platform whose database is at `databaseUrl`. */
export function platformAt(databaseUrl: string, profile: Profile | undefined): OpenPlatform {
  // A command asks one question after the other: more connections would only take them from the platform.
  const database = connect(databaseUrl, { max: 2, applicationName: "ow" });
  const countQueues = profile === undefined ? askBus(process.env) : askPlatform(profile.logsSocket);
  const backend = new SqlBackend(database, profile?.dataDir, { countQueues });
  const { baseDomain, port } = profile ?? defaultBase;
  return {
    backend,
    sandbox: profile?.sandbox ?? defaultSandbox,
    profile,
    url: (worker, version) =>
      workerUrl(version === undefined ? worker : previewLabel(version, worker), baseDomain, port),
    databaseFaces: () => {
      const faces = profile?.databases ?? facesFrom(process.env);
      if (faces !== undefined) return faces;
      throw new OpenWorkersError(
        "DATABASE_UNAVAILABLE",
        "Nothing that serves tenant databases is known here.",
        {
          hint: "Start the platform (`ow up` says when they are off, and why), or set OW_DATABASES_HTTP and OW_DATABASES_POSTGRES.",
        },
      );
    },
    served: async (worker, version) =>
      profile === undefined
        ? undefined
        : await untilServed(profile.logsSocket, worker, version, AbortSignal.timeout(servedMs)),
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}

/** `http://hello.localhost:8787/`. */
export function workerUrl(label: string, baseDomain: string, port: number): string {
  return `http://${label}.${baseDomain}${port === 80 ? "" : `:${port}`}/`;
}

/** A Postgate elsewhere: `http://host:port` and `host:port`. */
function facesFrom(env: NodeJS.ProcessEnv): DatabaseFaces | undefined {
  const { OW_DATABASES_HTTP: http, OW_DATABASES_POSTGRES: postgres } = env;
  const [, host, port] = /^(.+):(\d+)$/.exec(postgres ?? "") ?? [];
  if (http === undefined || host === undefined) return undefined;
  return { http: http.endsWith("/") ? http : `${http}/`, host, port: Number(port) };
}
