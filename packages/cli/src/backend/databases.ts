import type { DatabaseLimits, DatabaseScope } from "@openworkers/core";
import type { DatabaseDump, DatabaseToken, ResourceUser } from "@openworkers/db";

/** A tenant database, as the commands see it. */
export interface DatabaseSummary {
  readonly id: string;
  readonly name: string;
  /** Name of the user it belongs to. */
  readonly owner: string;
  readonly createdAt: Date;
  /** On the platform's server for them, or on one of the owner's. */
  readonly kind: "platform" | "external";
  /** `wanted`: it is made when it is first used. `deleting`: it can no longer be used. */
  readonly state: "wanted" | "ready" | "deleting";
  /** Why its deletion could not be finished the last time. */
  readonly deletionFailure: string | null;
  readonly limits: DatabaseLimits;
  /** What it was last found to occupy. */
  readonly sizeBytes: number | null;
  /** Whether that is more than its limit: then rows are read and deleted only. */
  readonly full: boolean;
}

export interface DatabaseDetails extends DatabaseSummary {
  /** What binds it; absent where that is not told. */
  readonly users?: readonly ResourceUser[];
  readonly tokens: readonly DatabaseToken[];
}

export interface CreateDatabase {
  readonly name: string;
  readonly limits: Partial<DatabaseLimits>;
  /** Name or id of what it is to be a copy of. */
  readonly fork?: string;
  /** Where it is, when it is on a server of the owner's. */
  readonly url?: string;
}

export interface CreateToken {
  readonly name: string;
  readonly scope: DatabaseScope;
  readonly expiresAt?: Date;
}

export interface CreatedToken {
  readonly id: string;
  readonly token: string;
  readonly database: { readonly id: string; readonly name: string };
}

/** What commands do to tenant databases and their tokens; what is in them is reached with a token. */
export interface DatabasesBackend {
  /** By name, and after them those whose deletion has failed. */
  list(): Promise<DatabaseSummary[]>;
  get(nameOrId: string): Promise<DatabaseDetails>;
  create(wanted: CreateDatabase): Promise<{ readonly id: string; readonly name: string }>;
  rename(nameOrId: string, name: string): Promise<void>;
  limit(nameOrId: string, limits: Partial<DatabaseLimits>): Promise<DatabaseLimits>;
  /**
   * Begins its end; refused, with the workers' names, while one binds it. Without `keepDump` it may have begun already.
   */
  delete(
    nameOrId: string,
    options: { readonly keepDump: boolean },
  ): Promise<{ readonly id: string; readonly name: string }>;
  /** Whether all of a deletion is done, why not the last time it was tried, and what was kept of it. */
  deletion(
    id: string,
  ): Promise<{ readonly done: boolean; readonly failure: string | null; readonly dump?: DatabaseDump }>;
  /** What is kept of deleted databases, the newest first. */
  dumps(): Promise<DatabaseDump[]>;
  /** Makes a token; its text cannot be had again. */
  createToken(nameOrId: string, wanted: CreateToken): Promise<CreatedToken>;
  revokeToken(nameOrId: string, name: string): Promise<void>;
}
