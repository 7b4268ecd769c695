import { join } from "node:path";
import { OpenWorkersError } from "@openworkers/core";
import {
  type Database,
  deploySystemWorker,
  ensureSystemUser,
  missingAssets,
  type SecretKeys,
  type SystemWorkerState,
  sweepUploads,
  systemWorkerState,
  uploadAssets,
} from "@openworkers/db";
import { checkWorker } from "@openworkers/runner";
import rootPackage from "../../../package.json" with { type: "json" };
import { deployAssets } from "../../assets/project-assets.ts";
import { uploadFiles } from "../../assets/upload.ts";
import { openOwnCells } from "../cell-host.ts";
import type { SandboxKind } from "../sandbox-kind.ts";
import { systemCode } from "./code.ts";
import type { SystemSettings } from "./settings.ts";
import { type SystemWorker, systemWorkers } from "./table.ts";
import { type SystemValues, syncValues, systemValues } from "./values.ts";

// Any number will do as long as nothing else in the database uses it.
const lockKey = 7_264_020;

export interface SystemWorkersOptions {
  /** Migrated, with a sealing key. */
  readonly database: Database;
  readonly secretKeys: SecretKeys;
  /** Where it remembers what it has bundled. */
  readonly dataDir: string;
  readonly sandbox: SandboxKind;
  readonly settings: SystemSettings;
  /** Where people see the API. */
  readonly baseUrl: string;
  /** Origins of the dashboard's, the one that links lead to first; without, there is none. */
  readonly dashboard?: readonly string[];
  /** Deploy also what is deployed already, as when somebody has put another version in its place. */
  readonly force?: boolean;
  readonly signal: AbortSignal;
}

export interface DeployedSystemWorker {
  readonly name: SystemWorker["name"];
  /** Of the version that was made just now; undefined when there was nothing to do. */
  readonly version?: number;
  /** Whether this release's version gets all requests. */
  readonly live: boolean;
}

/**
 * Deploys those of the platform's own workers whose code in this release is another than what was deployed last. One that an
 * operator has rolled back stays so, until there is new code or `force`.
 *
 * @throws OpenWorkersError FORBIDDEN when somebody's worker has the name of one, BUNDLE_FAILED, START_FAILED, SANDBOX_UNAVAILABLE,
 * CONFLICT, SECRET_UNREADABLE, DATABASE_UNAVAILABLE
 */
export async function deploySystemWorkers(
  options: SystemWorkersOptions,
): Promise<readonly DeployedSystemWorker[]> {
  const { database, settings, signal } = options;
  // Two platforms that start at once would each make a secret, and sessions of one would be none of the other.
  return await database.exclusively(lockKey, async () => {
    const owner = await ensureSystemUser(database);
    const done: DeployedSystemWorker[] = [];
    for (const worker of systemWorkers(settings.github?.url, options.dashboard !== undefined)) {
      signal.throwIfAborted();
      done.push(await deployOne(worker, owner, options));
    }
    return done;
  });
}

async function deployOne(
  worker: SystemWorker,
  owner: Awaited<ReturnType<typeof ensureSystemUser>>,
  options: SystemWorkersOptions,
): Promise<DeployedSystemWorker> {
  const { database, secretKeys, sandbox } = options;
  const { name, bindings, limits, egress } = worker;
  const state = await systemWorkerState(database, name);
  mustBeOwn(name, state);
  const values = systemValues(name, options.settings, options);
  await syncValues(database, secretKeys, { name, owner, values });
  const code = await systemCode(worker, join(options.dataDir, "system-workers"));
  if (state?.builtFrom === code.builtFrom && (state.live || options.force !== true)) {
    return { name, live: state.live };
  }
  const bundle = await code.built();
  await using host = await openOwnCells(sandbox);
  const { entrypoints } = await checkWorker(
    {
      name,
      code: bundle.code,
      env: placeholderValues(values),
      bindings: new Map([...bindings].map(([binding, { kind }]) => [binding, kind])),
      limits,
    },
    host,
  );
  const { assets } = bundle;
  if (assets !== undefined) {
    await sweepUploads(database);
    await uploadFiles(
      assets.files,
      {
        missingAssets: (hashes) => missingAssets(database, owner, hashes),
        uploadAssets: (contents) => uploadAssets(database, owner, contents),
      },
      options,
    );
  }
  const { version } = await deploySystemWorker(database, {
    worker: name,
    by: owner,
    code: bundle.code,
    wanted: bindings,
    entrypoints,
    limits,
    egress: { allow: egress },
    ...(assets === undefined ? {} : { assets: deployAssets(assets) }),
    environment: name,
    message: `OpenWorkers ${rootPackage.version}`,
    builtFrom: code.builtFrom,
  });
  return { name, version, live: true };
}

function mustBeOwn(name: string, state: SystemWorkerState | undefined): void {
  if (state === undefined || state.own) return;
  throw new OpenWorkersError(
    "FORBIDDEN",
    `There is a worker "${name}" already, which is the name of one of the platform's own.`,
    {
      hint: `Deploy it under another name, and then: ow delete ${name}`,
    },
  );
}

/** For a start whose end is known: nothing real need be in a throw-away cell. */
function placeholderValues({ vars, made }: SystemValues) {
  const texts = Object.entries(vars).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  );
  const secrets = made.map((key) => [key, "placeholder-of-a-secret-0123456789abcdef"] as const);
  return new Map([...texts, ...secrets].map(([key, value]) => [key, { kind: "text", value } as const]));
}
