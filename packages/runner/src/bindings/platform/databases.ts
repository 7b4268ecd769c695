import { type DatabaseId, OpenWorkersError } from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { maxQueryBytes } from "../database/database.ts";
import type { DatabaseGateway } from "../database/gateway.ts";
import { mustBeAllowed, notFound, parseId } from "./access.ts";
import type { PlatformCaller } from "./gateway.ts";
import { readBody } from "./read-body.ts";

const what = "database";

/** Queries on tenants' databases, for their owners' consoles. */
export class ConsoleQueries {
  readonly #database: Database;
  readonly #gateway: DatabaseGateway | undefined;

  constructor(database: Database, gateway: DatabaseGateway | undefined) {
    this.#database = database;
    this.#gateway = gateway;
  }

  /**
   * `POST /databases/<id>/query`, in the query protocol: as the database's owner for whoever may write there, and else
   * reading only.
   *
   * @throws OpenWorkersError NOT_FOUND, FORBIDDEN, BODY_TOO_LARGE, OVERLOADED, DATABASE_UNAVAILABLE
   */
  async answer(request: Request, id: string, caller: PlatformCaller): Promise<Response> {
    const databaseId = parseId<"database">(id, what);
    const found = await this.#find(databaseId);
    if (found === undefined) throw notFound(what);
    await mustBeAllowed(caller, found.owner, "databases", "read", what);
    const writes = await caller.may(found.owner, "databases", "write");
    // A server of the owner's has one role only, and nothing there keeps a reader from writing.
    if (!writes && found.kind === "external") {
      throw new OpenWorkersError(
        "FORBIDDEN",
        "Who may only read cannot query a database on an owner's server.",
        {
          details: { scope: "databases:write" },
        },
      );
    }
    if (this.#gateway === undefined) {
      throw new OpenWorkersError("DATABASE_UNAVAILABLE", "This runner was started without a Postgate.");
    }
    const query = new Request("http://platform/query", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: await readBody(request, maxQueryBytes),
      signal: request.signal,
    });
    return await this.#gateway.query(databaseId, query, {
      worker: "api",
      scope: writes ? "owner" : "read-only",
    });
  }

  async #find(id: DatabaseId) {
    return this.#database.read((queries) =>
      queries
        .selectFrom("databases")
        .select(["owner_id as owner", "kind"])
        .where("id", "=", id)
        .executeTakeFirst(),
    );
  }
}
