import { isOpenWorkersError, OpenWorkersError, type WorkerId } from "@openworkers/core";
import { type Database, findLogToken, type LogGrant } from "@openworkers/db";
import { sql } from "kysely";
import type { Workers } from "../store/scan.ts";

/** What a caller may read. */
export interface Access {
  readonly token: string;
  readonly workers: Workers;
  readonly expiresAt: Date;
}

interface Known {
  readonly access: Access | undefined;
  readonly asked: number;
}

/** Tokens remembered, so that nobody fills our memory with wrong ones. */
const remembered = 10_000;

/** Knows what tokens let read. */
export class Authorizer {
  readonly #database: Database;
  readonly #holdsMs: number;
  readonly #known = new Map<string, Known>();

  /** @param holdsMs how long an answer holds: a token that is revoked, or a worker that changes hands, is noticed then */
  constructor(database: Database, holdsMs: number) {
    this.#database = database;
    this.#holdsMs = holdsMs;
  }

  /**
   * What the bearer of the request's token may read.
   *
   * @throws OpenWorkersError UNAUTHORIZED, DATABASE_UNAVAILABLE
   */
  async authorize(request: Request): Promise<Access> {
    const [, token] = /^bearer +(\S{1,100})$/i.exec(request.headers.get("authorization") ?? "") ?? [];
    if (token === undefined) {
      throw new OpenWorkersError("UNAUTHORIZED", "A token is missing.", {
        hint: "Send it as `Authorization: Bearer <token>`.",
      });
    }
    const access = await this.again(token);
    if (access !== undefined) return access;
    throw new OpenWorkersError("UNAUTHORIZED", "The token is not known, or has expired.");
  }

  /**
   * What the token lets read now; undefined when it is good for nothing. While PostgreSQL is away, what it told last
   * holds until the token expires.
   *
   * @throws OpenWorkersError DATABASE_UNAVAILABLE
   */
  async again(token: string): Promise<Access | undefined> {
    const known = this.#known.get(token);
    if (known !== undefined && Date.now() - known.asked < this.#holdsMs) return current(known.access);
    try {
      const access = await this.#ask(token);
      this.#remember(token, access);
      return access;
    } catch (thrown) {
      const old = current(known?.access);
      if (old === undefined || !isOpenWorkersError(thrown, "DATABASE_UNAVAILABLE")) throw thrown;
      return old;
    }
  }

  /**
   * Refuses who may not read the worker's records. Those of a deleted worker may be read with a token for all.
   *
   * @throws OpenWorkersError FORBIDDEN, NOT_FOUND, DATABASE_UNAVAILABLE
   */
  async mustRead({ workers }: Access, workerId: WorkerId): Promise<void> {
    if (workers !== "all" && !workers.includes(workerId)) {
      throw new OpenWorkersError("FORBIDDEN", "The token is not for this worker.");
    }
    if (workers !== "all") return;
    try {
      if (await this.#exists(workerId)) return;
    } catch (thrown) {
      // Who may read everything need not be told that there is nothing.
      if (isOpenWorkersError(thrown, "DATABASE_UNAVAILABLE")) return;
      throw thrown;
    }
    throw new OpenWorkersError(
      "NOT_FOUND",
      `There is no worker ${workerId}, and there are no records of one.`,
    );
  }

  async #exists(workerId: WorkerId): Promise<boolean> {
    const { rows } = await this.#database.read((queries) =>
      sql<{ there: boolean }>`
        select exists (select from workers where id = ${workerId}::uuid)
          or exists (select from worker_stats where worker_id = ${workerId}::uuid) as there
      `.execute(queries),
    );
    return rows[0]?.there === true;
  }

  async #ask(token: string): Promise<Access | undefined> {
    const grant = await findLogToken(this.#database, token);
    if (grant === undefined) return undefined;
    return { token, workers: await this.#workersOf(grant), expiresAt: grant.expiresAt };
  }

  async #workersOf({ scope }: LogGrant): Promise<Workers> {
    if (scope.kind === "all") return "all";
    if (scope.kind === "worker") return [scope.workerId];
    const rows = await this.#database.read((queries) =>
      queries.selectFrom("workers").select("id").where("owner_id", "=", scope.ownerId).execute(),
    );
    return rows.map(({ id }) => id);
  }

  #remember(token: string, access: Access | undefined): void {
    this.#known.delete(token);
    this.#known.set(token, { access, asked: Date.now() });
    const [oldest] = this.#known.keys();
    if (this.#known.size > remembered && oldest !== undefined) this.#known.delete(oldest);
  }
}

function current(access: Access | undefined): Access | undefined {
  return access !== undefined && access.expiresAt.getTime() > Date.now() ? access : undefined;
}
