import { createWriteStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { DatabaseId } from "@openworkers/core";
import {
  type Database,
  databaseDropped,
  databaseDumped,
  findDump,
  type SealedDatabaseRow,
  type SecretKeys,
  sealedDatabaseRow,
} from "@openworkers/db";
import { passwordsOf } from "../directory.ts";
import { dumpDatabase } from "../dump/dump.ts";
import { backendAddress } from "../tenant.ts";
import type { TenantServer } from "../tenants/mod.ts";
import { openClient } from "./client.ts";
import { lockOf } from "./lock.ts";

/** How long a dump of a deleted database is kept. */
export const keptMs = 7 * 24 * 3_600_000;

export interface DeletionOptions {
  readonly database: Database;
  readonly server: TenantServer;
  readonly secretKeys: Pick<SecretKeys, "open">;
  /** Where dumps are kept. */
  readonly directory: string;
}

/**
 * Takes what is left of databases that are being deleted: their sessions, a dump, the database, its row. Each step may be
 * taken again.
 */
export class Deletion {
  readonly #options: DeletionOptions;
  readonly #dumping = new Set<DatabaseId>();

  constructor(options: DeletionOptions) {
    this.#options = options;
  }

  /** Whether the database is being dumped: limits of its tenant's do not hold for that. */
  isDumping(id: DatabaseId): boolean {
    return this.#dumping.has(id);
  }

  /** Finishes one; nothing when it is not being deleted. @throws what a step fails with: the rest is for another time */
  async finish(id: DatabaseId, signal: AbortSignal): Promise<void> {
    const { database, server } = this.#options;
    await database.exclusively(lockOf(id), async () => {
      const row = await sealedDatabaseRow(database, id);
      if (row?.state !== "deleting") return;
      if (row.kind === "platform") {
        const wanted = row.keepDump && row.sealed !== null;
        if (wanted && (await findDump(database, id)) === undefined) await this.#dump(row, signal);
        signal.throwIfAborted();
        await server.drop(id);
      }
      await databaseDropped(database, id);
    });
  }

  async #dump(row: SealedDatabaseRow, signal: AbortSignal): Promise<void> {
    const { id, name, limits, ownerId } = row;
    const { database, server, secretKeys, directory } = this.#options;
    const there = (await server.sizes([id])).size > 0;
    if (!there) return;
    const passwords = await passwordsOf(row, secretKeys);
    await server.heal(id, passwords, limits);
    // Nobody is let in any more; what those who are would still write, the dump would not have.
    await server.endSessions(id);
    const place = { kind: "platform", passwords } as const;
    const address = backendAddress(
      server.address,
      { id, ownerId, name, place, limits, full: false },
      "owner",
    );
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, `${name}-${id}.sql.gz`);
    const draft = `${path}.part`;
    this.#dumping.add(id);
    try {
      await pipeline(
        dumpDatabase(() => openClient(address), signal),
        createGzip(),
        createWriteStream(draft, { mode: 0o600 }),
        { signal },
      );
      await using file = await open(draft, "r+");
      await file.sync();
    } catch (thrown) {
      await rm(draft, { force: true });
      throw thrown;
    } finally {
      this.#dumping.delete(id);
    }
    await rename(draft, path);
    const { size: sizeBytes } = await stat(path);
    const expiresAt = new Date(Date.now() + keptMs);
    await databaseDumped(database, { id, name, host: hostname(), path, sizeBytes, expiresAt });
  }
}
