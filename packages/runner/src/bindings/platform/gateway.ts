import type { PlatformFaceName, UserId } from "@openworkers/core";

/** What somebody may do with what an account owns. */
export type PlatformAction = "read" | "write" | "delete";

/** Kinds of what an account owns, as the scopes of API keys name them. */
export type PlatformResource =
  | "workers"
  | "kv"
  | "storage"
  | "databases"
  | "queues"
  | "crons"
  | "domains"
  | "logs"
  | "members"
  | "keys"
  | "audit";

/** Somebody whose credential was found to be good. */
export interface PlatformCaller {
  readonly userId: UserId;
  /** Whether they may do this with what `owner` owns; asked of the database, by the rules that its policies stand on. */
  may(owner: UserId, resource: PlatformResource, action: PlatformAction): Promise<boolean>;
}

/** The platform's side of Postgate. Who composes the platform gives the runner one. */
export interface PlatformGateway {
  /**
   * Takes sessions of PostgreSQL's protocol on a new Unix socket at `path`, for one cell of a system worker. Disposing
   * ends the sessions and listens no more.
   */
  listen(face: PlatformFaceName, path: string): AsyncDisposable | Promise<AsyncDisposable>;
  /**
   * Whose an API key or a session's token is.
   *
   * @throws OpenWorkersError UNAUTHORIZED, DATABASE_UNAVAILABLE
   */
  caller(credential: string): Promise<PlatformCaller>;
}
