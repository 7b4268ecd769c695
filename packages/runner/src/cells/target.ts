import type {
  Binding,
  EgressPolicy,
  EnvValue,
  Limits,
  VersionId,
  WorkerCode,
  WorkerId,
} from "@openworkers/core";

/**
 * One version of a worker as it must run now. Two targets with the same `targetKey` share cells; a new
 * version, a changed environment value or changed limits make a new key, and so new cells.
 */
export interface Target {
  readonly workerId: WorkerId;
  readonly worker: string;
  readonly versionId: VersionId;
  readonly version: number;
  /** Grows with every change of a value in the worker's environment; 0 when it has none. */
  readonly environmentRevision: number;
  readonly limits: Limits;
  /** The version has static files. */
  readonly assets?: boolean;
  /**
   * What other workers' bindings call of it besides its default export, in the order of its cells' sockets. Absent
   * when there is none.
   */
  readonly doors?: readonly Door[];
}

/** An entrypoint that other workers call, with the `ctx.props` it gets from them. */
export interface Door {
  /** Name of an exported class; the default export without. */
  readonly entrypoint: string | undefined;
  /** JSON text. */
  readonly props: string | undefined;
}

export function targetKey(target: Target): string {
  return `${target.versionId}:${target.environmentRevision}:${limitsKey(target.limits)}${doorsKey(target.doors)}`;
}

const doorsKeys = new WeakMap<readonly Door[], string>();
function doorsKey(doors: readonly Door[] | undefined): string {
  if (doors === undefined) return "";
  let key = doorsKeys.get(doors);
  if (key === undefined) {
    key = `:${JSON.stringify(doors.map(({ entrypoint, props }) => [entrypoint, props]))}`;
    doorsKeys.set(doors, key);
  }
  return key;
}

// Targets come from the routing table, which keeps one object per worker: the text is made once for each.
const limitsKeys = new WeakMap<Limits, string>();
function limitsKey(limits: Limits): string {
  let key = limitsKeys.get(limits);
  if (key === undefined) {
    key = Object.values(limits).join(",");
    limitsKeys.set(limits, key);
  }
  return key;
}

/** What a cell is given to run. Secrets are open here: a program lives only in the runner's memory. */
export interface Program {
  readonly code: WorkerCode;
  readonly env: ReadonlyMap<string, EnvValue>;
  /** Goes before `env` where both have a name. */
  readonly bindings: ReadonlyMap<string, Binding>;
  /** Where it may go; every public host without. */
  readonly egress?: EgressPolicy | undefined;
  readonly version: VersionFacts;
}

/** What a version may tell of itself. */
export interface VersionFacts {
  readonly id: VersionId;
  readonly number: number;
  readonly message: string | undefined;
  readonly createdAt: Date;
}

/** Of a program that is not deployed: a check before its first deploy, an empty cell. */
export const unversioned: VersionFacts = {
  id: "00000000-0000-0000-0000-000000000000" as VersionId,
  number: 0,
  message: undefined,
  createdAt: new Date(0),
};

/** Loads the program of a target: from the cache when it is there, else from PostgreSQL. */
export interface ProgramSource {
  load(target: Target, signal: AbortSignal): Promise<Program>;
}
