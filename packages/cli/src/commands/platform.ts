import { type DatabaseScope, OpenWorkersError, previewLabel, type WorkerId } from "@openworkers/core";
import { connect } from "@openworkers/db";
import type { Backend } from "../backend/backend.ts";
import { SqlBackend } from "../backend/sql-backend.ts";
import { facesFrom } from "../databases/faces.ts";
import { type LogsAccess, logsAccess } from "../live-logs/access.ts";
import { untilServed } from "../live-logs/client.ts";
import { defaultSandbox, type SandboxKind } from "../platform/sandbox-kind.ts";
import { workerUrl } from "../platform/worker-url.ts";
import { chosenPlatform } from "../profile/choice.ts";
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
  /** What its cells run in; absent when it checks by itself that a worker starts. */
  readonly sandbox: SandboxKind | undefined;
  /** The running platform on this machine; absent when only its database is reached. */
  readonly profile: Profile | undefined;
  url(worker: string, version?: number): string;
  /** How to read the logs of a worker, or of all without. */
  logs(workerId: WorkerId | undefined): LogsAccess;
  /** Where tenant databases are reached. @throws OpenWorkersError DATABASE_UNAVAILABLE when nothing on this machine serves them */
  databaseFaces(): DatabaseFaces;
  /**
   * Asks a tenant database in the query protocol's own words, and returns its answer's JSON, where that is not done at the
   * faces: `scope` is at most what the caller may do.
   */
  queryDatabase?(id: string, scope: DatabaseScope, body: object, signal: AbortSignal): Promise<unknown>;
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
 * The platform that `given` names. Without a choice `OW_API_URL` or `DATABASE_URL` decides, else what `ow profile use` or
 * `ow login` chose, else the platform started last.
 *
 * @throws OpenWorkersError NOT_FOUND when none runs; DATABASE_UNAVAILABLE comes with the first use.
 */
export async function openPlatform(given: PlatformChoice): Promise<OpenPlatform> {
  const choice = await chosenPlatform(given);
  if (choice.api !== undefined) return (await import("./api-platform.ts")).apiPlatform(choice.api);
  const chosen = choice.name !== undefined || choice.port !== undefined;
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
    logs: (workerId) => logsAccess(backend, profile, workerId),
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
