import type { DatabaseId, DatabaseScope } from "@openworkers/core";

/** On whose behalf a tenant database is used. */
export interface DatabaseCaller {
  /** Name of the worker. */
  readonly worker: string;
  /** What it may do there; all that its owner may unless given. */
  readonly scope?: DatabaseScope;
}

/** Where people's own programs reach tenant databases. */
export interface DatabaseFaces {
  /** The address that PostgreSQL's protocol is spoken on. */
  readonly host: string;
  readonly port: number;
  /** Where the query protocol is spoken: `http://127.0.0.1:6433/`. */
  readonly http: string;
}

/**
 * Where tenant databases are: the runner knows their ids and nothing else of them. Who composes the platform gives
 * it one.
 */
export interface DatabaseGateway {
  /**
   * Answers one request of the query protocol. `request.signal` aborts when the cell leaves.
   *
   * @throws OpenWorkersError DATABASE_UNAVAILABLE, OVERLOADED; what the SQL is to blame for is a response
   */
  query(databaseId: DatabaseId, request: Request, caller: DatabaseCaller): Promise<Response>;
  /**
   * Takes sessions of PostgreSQL's protocol on a new Unix socket at `path`, for one cell: whoever connects there is
   * it. Disposing ends the sessions and listens no more.
   */
  listen(databaseId: DatabaseId, path: string, caller: DatabaseCaller): Promise<AsyncDisposable>;
}
