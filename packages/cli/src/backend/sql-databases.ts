import { type DatabaseId, type DatabaseLimits, isId, OpenWorkersError, type UserId } from "@openworkers/core";
import {
  createDatabase,
  createDatabaseToken,
  createExternalDatabase,
  type Database,
  type DatabaseRow,
  databaseRow,
  databaseRows,
  findDump,
  getResource,
  limitDatabase,
  listDatabaseTokens,
  listDumps,
  listResources,
  markDeleting,
  type Resource,
  renameResource,
  resourceUsers,
  revokeDatabaseToken,
  stuckDeletions,
} from "@openworkers/db";
import type {
  CreateDatabase,
  CreateToken,
  DatabaseDetails,
  DatabaseSummary,
  DatabasesBackend,
} from "./databases.ts";

/** Tenant databases, through the platform's own. */
export class SqlDatabases implements DatabasesBackend {
  readonly #database: Database;
  readonly #by: () => Promise<UserId>;

  constructor(database: Database, by: () => Promise<UserId>) {
    this.#database = database;
    this.#by = by;
  }

  async list(): Promise<DatabaseSummary[]> {
    const rows = new Map((await databaseRows(this.#database)).map((row) => [row.id, row]));
    const used = await listResources(this.#database, "database");
    const stuck = await stuckDeletions(this.#database);
    return [...used, ...stuck].flatMap((resource) => {
      const row = rows.get(resource.id);
      // Gone, or begun to go, between two of the questions.
      if (row === undefined || (row.state === "deleting" && row.deletionFailure === null)) return [];
      return [toSummary(resource, row)];
    });
  }

  async get(nameOrId: string): Promise<DatabaseDetails> {
    const resource = await this.#resource(nameOrId);
    const { id } = resource;
    const row = await databaseRow(this.#database, id);
    if (row === undefined || row.state === "deleting") {
      throw new OpenWorkersError("NOT_FOUND", `The database "${nameOrId}" has just been deleted.`);
    }
    return {
      ...toSummary(resource, row),
      users: await this.#database.read((queries) => resourceUsers(queries, "database", id)),
      tokens: await listDatabaseTokens(this.#database, id),
    };
  }

  async create({ url, fork, ...wanted }: CreateDatabase) {
    const by = await this.#by();
    const id =
      url === undefined
        ? await createDatabase(this.#database, { ...wanted, by, ...(fork === undefined ? {} : { fork }) })
        : await createExternalDatabase(this.#database, { ...wanted, by, url });
    return { id, name: wanted.name };
  }

  async rename(nameOrId: string, name: string): Promise<void> {
    await renameResource(this.#database, "database", { nameOrId, name, by: await this.#by() });
  }

  async limit(nameOrId: string, limits: Partial<DatabaseLimits>): Promise<DatabaseLimits> {
    const { id } = await this.#resource(nameOrId);
    return await limitDatabase(this.#database, id, { limits, by: await this.#by() });
  }

  async delete(nameOrId: string, { keepDump }: { readonly keepDump: boolean }) {
    return await markDeleting(this.#database, { nameOrId, keepDump, by: await this.#by() });
  }

  async deletion(id: string) {
    if (!isId<"database">(id)) throw new Error(`"${id}" is no id`);
    const row = await databaseRow(this.#database, id);
    const dump = await findDump(this.#database, id);
    return {
      done: row === undefined,
      failure: row?.deletionFailure ?? null,
      ...(dump === undefined ? {} : { dump }),
    };
  }

  async dumps() {
    return await listDumps(this.#database);
  }

  async createToken(nameOrId: string, wanted: CreateToken) {
    const { id, name } = await this.#resource(nameOrId);
    const by = await this.#by();
    const made = await createDatabaseToken(this.#database, { databaseId: id, ...wanted, by });
    return { ...made, database: { id, name } };
  }

  async revokeToken(nameOrId: string, name: string): Promise<void> {
    const { id: databaseId } = await this.#resource(nameOrId);
    await revokeDatabaseToken(this.#database, { databaseId, name, by: await this.#by() });
  }

  async #resource(nameOrId: string): Promise<Resource<"database">> {
    return await getResource(this.#database, "database", { nameOrId, by: await this.#by() });
  }
}

function toSummary(
  { id, name, owner, createdAt }: Resource<"database">,
  { kind, state, limits, sizeBytes, full, deletionFailure }: DatabaseRow,
): DatabaseSummary & { readonly id: DatabaseId } {
  return { id, name, owner, createdAt, kind, state, limits, sizeBytes, full, deletionFailure };
}
