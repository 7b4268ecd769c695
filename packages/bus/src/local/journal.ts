import type { Database } from "bun:sqlite";
import { type FileHandle, open } from "node:fs/promises";
import { isOpenWorkersError, messageOf, OpenWorkersError, type Report } from "@openworkers/core";
import { Checkpoints } from "./checkpoints.ts";

/** The event loop waits for a group of writes; what is over this is the next group's. */
const groupMs = 5;
/** Written to the log before it is moved into the database: 16 MiB of pages, roughly. */
const checkpointBytes = 16 * 2 ** 20;
/** A page that changes is written whole. */
const bytesPerWrite = 4_096;

/** `committed`: survives this process. `synced`: survives the machine. */
export type Durability = "committed" | "synced";

interface Write {
  readonly run: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  readonly durability: Durability;
  readonly bytes: number;
}

/** A sync that failed is the error of every write that waited for it; whoever only waits for its end need not hear it too. */
const heardByWriters = () => {};

/**
 * Writes in groups: all that come in one turn of the event loop are one transaction. A commit reaches the kernel at once,
 * and so survives a killed process; a `synced` one waits until the log is on the disk, in the file system's own threads and
 * together with all others that wait.
 */
export class Journal {
  readonly database: Database;
  readonly #path: string;
  readonly #report: Report;
  readonly #checkpoints: Checkpoints;
  readonly #beforeCommit: () => void;
  readonly #afterCommit: () => void;
  readonly #afterRollback: () => void;
  #queue: Write[] = [];
  #scheduled: ReturnType<typeof setImmediate> | undefined;
  #written = 0;
  #checkpointing: Promise<void> | undefined;
  #paused = false;
  #log: Promise<FileHandle> | undefined;
  #syncing: Promise<void> = Promise.resolve();
  #nextSync: Promise<void> | undefined;

  constructor(
    database: Database,
    path: string,
    options: {
      readonly report: Report;
      /** Writes what was summed up over the group. */
      readonly beforeCommit: () => void;
      /** Others can see it now. */
      readonly afterCommit: () => void;
      /** What was written in this group is not: memory has to follow. */
      readonly afterRollback: () => void;
    },
  ) {
    this.database = database;
    this.#path = path;
    this.#report = options.report;
    this.#beforeCommit = options.beforeCommit;
    this.#afterCommit = options.afterCommit;
    this.#afterRollback = options.afterRollback;
    this.#checkpoints = new Checkpoints(path);
  }

  /**
   * Runs `operation` within the next transaction, and resolves with what it returned once that is as durable as it should.
   * An OpenWorkersError that it throws, before it writes anything, is its own alone.
   *
   * @throws OpenWorkersError BUS_UNAVAILABLE or BUS_FULL when the transaction failed
   */
  write<T>(operation: () => T, durability: Durability = "committed", bytes = 0): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let result: { readonly value: T } | undefined;
      this.#queue.push({
        run: () => {
          result = { value: operation() };
        },
        resolve: () => {
          if (result !== undefined) resolve(result.value);
        },
        reject,
        durability,
        bytes: bytes + bytesPerWrite,
      });
      this.#schedule();
    });
  }

  /** Commits what is waiting, and ends. Nothing may be written afterwards. */
  async close(): Promise<void> {
    await this.#checkpointing;
    while (this.#queue.length > 0) this.#commit();
    clearImmediate(this.#scheduled);
    await this.#nextSync?.catch(heardByWriters);
    await this.#syncing.catch(heardByWriters);
    this.#checkpoints[Symbol.dispose]();
    await (await this.#log)?.close();
    this.database.close();
  }

  #schedule(): void {
    if (this.#paused || this.#queue.length === 0) return;
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      this.#commit();
      this.#schedule();
    });
  }

  #commit(): void {
    const until = performance.now() + groupMs;
    const group: Write[] = [];
    let count = 0;
    try {
      this.database.run("begin immediate");
      while (count < this.#queue.length && (count === 0 || performance.now() < until)) {
        const write = this.#queue[count++];
        if (write === undefined) continue;
        try {
          write.run();
          group.push(write);
        } catch (thrown) {
          if (!isOpenWorkersError(thrown)) {
            group.push(write);
            throw thrown;
          }
          write.reject(thrown);
        }
      }
      this.#beforeCommit();
      this.database.run("commit");
    } catch (thrown) {
      this.#queue = this.#queue.slice(count);
      this.#fail(group, thrown);
      return;
    }
    this.#queue = this.#queue.slice(count);
    const synced = group.filter((write) => write.durability === "synced");
    for (const write of group) if (write.durability === "committed") write.resolve();
    if (synced.length > 0) void this.#resolveWhenSynced(synced);
    this.#written += group.reduce((sum, write) => sum + write.bytes, 0);
    this.#afterCommit();
    if (this.#written > checkpointBytes) this.#checkpointing ??= this.#checkpoint();
  }

  #fail(group: readonly Write[], thrown: unknown): void {
    // SQLite has rolled back by itself after some errors, a full disk among them.
    if (this.database.inTransaction) this.database.run("rollback");
    this.#afterRollback();
    this.#report("The bus could not write.", { path: this.#path, error: messageOf(thrown) });
    const full = thrown instanceof Error && "code" in thrown && thrown.code === "SQLITE_FULL";
    for (const write of group) {
      write.reject(
        new OpenWorkersError(
          full ? "BUS_FULL" : "BUS_UNAVAILABLE",
          `The bus cannot write: ${messageOf(thrown)}.`,
          { cause: thrown },
        ),
      );
    }
  }

  async #resolveWhenSynced(writes: readonly Write[]): Promise<void> {
    try {
      await this.#sync();
      for (const write of writes) write.resolve();
    } catch (cause) {
      const error = new OpenWorkersError(
        "BUS_UNAVAILABLE",
        `The bus cannot write to the disk: ${messageOf(cause)}.`,
        { cause },
      );
      for (const write of writes) write.reject(error);
    }
  }

  // One that has begun may have missed what was written since: who comes later shares the next.
  #sync(): Promise<void> {
    this.#nextSync ??= this.#syncing.catch(heardByWriters).then(() => {
      this.#nextSync = undefined;
      this.#syncing = this.#syncLog();
      return this.#syncing;
    });
    return this.#nextSync;
  }

  async #syncLog(): Promise<void> {
    this.#log ??= open(`${this.#path}-wal`, "r+");
    await (await this.#log).datasync();
  }

  // While others write, the log is never moved as a whole, and only then does it begin anew. So what is left after the first
  // move, which is little, is moved while writes wait in the queue.
  async #checkpoint(): Promise<void> {
    try {
      this.#written = 0;
      if ((await this.#checkpoints.run()) > 0) {
        this.#paused = true;
        await this.#checkpoints.run();
      }
    } catch (thrown) {
      this.#report("The bus could not move its log.", { path: this.#path, error: messageOf(thrown) });
    } finally {
      this.#paused = false;
      this.#checkpointing = undefined;
      this.#schedule();
    }
  }
}
