import { type DatabaseId, OpenWorkersError } from "@openworkers/core";
import { type Database, databaseReady, databaseRow } from "@openworkers/db";
import { newPasswords, type TenantServer } from "../tenants/mod.ts";
import { lockOf } from "./lock.ts";

/**
 * Makes the databases that rows want. Each step may be a process's last: the next who needs the database begins anew, with
 * new passwords, and its row is ready when all of it is.
 */
export class DatabaseMaker {
  readonly #database: Database;
  readonly #server: TenantServer;
  /** One at a time: each holds a connection for its lock and needs another. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(database: Database, server: TenantServer) {
    this.#database = database;
    this.#server = server;
  }

  /** Returns when the database is there. @throws OpenWorkersError NOT_FOUND (it has been deleted), DATABASE_UNAVAILABLE */
  make(id: DatabaseId): Promise<void> {
    const made = this.#turn.then(() => this.#make(id));
    // Whoever asked is told by `made`; whoever comes next has a turn all the same.
    this.#turn = made.catch(() => {});
    return made;
  }

  async #make(id: DatabaseId): Promise<void> {
    const source = (await databaseRow(this.#database, id))?.forkedFrom;
    if (source != null) await this.#make(source);
    await this.#database.exclusively(lockOf(id), async () => {
      const row = await databaseRow(this.#database, id);
      if (row === undefined || row.state === "deleting") {
        throw new OpenWorkersError("NOT_FOUND", "The database has been deleted.");
      }
      if (row.state === "ready") return;
      const passwords = newPasswords();
      if (row.forkedFrom === null) {
        await this.#server.make(id, passwords, row.limits);
      } else {
        // Nobody has been in it yet, and half a copy is none.
        await this.#server.drop(id);
        await this.#server.fork(row.forkedFrom, id, passwords, row.limits);
      }
      await databaseReady(this.#database, id, { kind: "platform", opens: passwords });
    });
  }
}
