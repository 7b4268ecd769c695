import { type EnvValue, isOpenWorkersError, type VersionId } from "@openworkers/core";
import { type Database, loadProgram, type StoredProgram } from "@openworkers/db";
import type { Program, ProgramSource, Target } from "../cells/target.ts";

export interface ProgramCacheOptions {
  readonly database: Database;
  /** What `env` holds for a stored program, its secrets opened. Rejects with SECRET_UNREADABLE. */
  readonly open: (stored: StoredProgram) => Promise<ReadonlyMap<string, EnvValue>>;
  /** Bytes of code, source maps and values kept. Default 512 MiB. */
  readonly maxBytes?: number;
  /** What an operator should read. Never throws. */
  readonly report: (message: string, details: Record<string, unknown>) => void;
}

interface Entry {
  readonly program: Program;
  /** Of the environment that `program.env` was made from. */
  readonly revision: number;
  readonly bytes: number;
}

/** Programs loaded ahead at a time: a prefetch must not keep a cold start waiting for a connection. */
const prefetchConcurrency = 1;

/**
 * Programs as cells are given them, in memory: PostgreSQL is asked for each version and environment revision
 * once. While it is away, what is here goes on being served, with the values it was loaded with.
 */
export class ProgramCache implements ProgramSource {
  readonly #options: ProgramCacheOptions;
  readonly #maxBytes: number;
  /** The last used is the last one. */
  readonly #entries = new Map<VersionId, Entry>();
  readonly #loading = new Map<string, Promise<Program>>();
  #bytes = 0;
  readonly #ahead = new Map<VersionId, Target>();
  #prefetching = 0;

  constructor(options: ProgramCacheOptions) {
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? 512 * 2 ** 20;
  }

  /** Bytes kept now. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The program of a target. The load goes on for others when `signal` aborts.
   *
   * @throws OpenWorkersError NOT_FOUND, SECRET_UNREADABLE, DATABASE_UNAVAILABLE when it is not here either
   */
  async load(target: Target, signal: AbortSignal): Promise<Program> {
    signal.throwIfAborted();
    const entry = this.#entries.get(target.versionId);
    if (entry !== undefined && isCurrent(entry, target)) {
      this.#touch(target.versionId, entry);
      return entry.program;
    }
    return abortable(this.#loadOnce(target), signal);
  }

  /**
   * Loads these in the background, as far as there is room, so that a cold start finds them here even if
   * PostgreSQL is away by then. What fails is left to the cold start to report.
   */
  prefetch(targets: Iterable<Target>): void {
    for (const target of targets) this.#ahead.set(target.versionId, target);
    while (this.#prefetching < prefetchConcurrency && this.#ahead.size > 0) {
      this.#prefetching++;
      void this.#prefetchAll().finally(() => this.#prefetching--);
    }
  }

  async #prefetchAll(): Promise<void> {
    for (const [versionId, target] of this.#ahead) {
      this.#ahead.delete(versionId);
      const entry = this.#entries.get(versionId);
      // Beyond that, what is loaded ahead would push out what is used.
      if (this.#bytes > this.#maxBytes / 2 && entry === undefined) continue;
      if (entry !== undefined && isCurrent(entry, target)) continue;
      try {
        await this.#loadOnce(target);
      } catch (error) {
        this.#options.report("A program could not be loaded ahead.", { error, worker: target.worker });
        if (isOpenWorkersError(error, "DATABASE_UNAVAILABLE")) this.#ahead.clear();
      }
    }
  }

  #loadOnce(target: Target): Promise<Program> {
    const key = `${target.versionId}:${target.environmentRevision}`;
    let loading = this.#loading.get(key);
    if (loading === undefined) {
      loading = this.#load(target).finally(() => this.#loading.delete(key));
      this.#loading.set(key, loading);
    }
    return loading;
  }

  async #load(target: Target): Promise<Program> {
    try {
      const stored = await loadProgram(this.#options.database, target.versionId, target.workerId);
      const { code, bindings, egress, version } = stored;
      const program: Program = { code, bindings, egress, version, env: await this.#options.open(stored) };
      this.#keep(target.versionId, {
        program,
        revision: stored.environment?.revision ?? 0,
        bytes: sizeOf(program),
      });
      return program;
    } catch (thrown) {
      const old = this.#entries.get(target.versionId);
      // Old values are better than none; the cell is replaced when the change can be read.
      if (old !== undefined && isOpenWorkersError(thrown, "DATABASE_UNAVAILABLE")) return old.program;
      throw thrown;
    }
  }

  #touch(versionId: VersionId, entry: Entry): void {
    this.#entries.delete(versionId);
    this.#entries.set(versionId, entry);
  }

  #keep(versionId: VersionId, entry: Entry): void {
    this.#drop(versionId);
    if (entry.bytes > this.#maxBytes) return;
    this.#entries.set(versionId, entry);
    this.#bytes += entry.bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#drop(oldest);
    }
  }

  #drop(versionId: VersionId): void {
    const entry = this.#entries.get(versionId);
    if (entry === undefined) return;
    this.#entries.delete(versionId);
    this.#bytes -= entry.bytes;
  }
}

// Revisions are never used twice, by whichever environment. A program read after its target's values changed
// again is newer than the target; the next table will say so too.
function isCurrent(entry: Entry, target: Target): boolean {
  return entry.revision === target.environmentRevision;
}

function sizeOf({ code, env }: Program): number {
  let bytes = 0;
  for (const { name, content } of code.modules) bytes += name.length + content.byteLength;
  for (const map of code.sourceMaps.values()) bytes += map.byteLength;
  for (const [name, { value }] of env) bytes += 2 * (name.length + value.length);
  return bytes;
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
