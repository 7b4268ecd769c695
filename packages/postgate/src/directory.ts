import {
  type DatabaseId,
  type DatabaseTokenId,
  type Notification,
  notificationChannel,
  OpenWorkersError,
  parseNotification,
} from "@openworkers/core";
import {
  type Address,
  type Database,
  databaseTokensUsed,
  findDatabaseToken,
  parseAddress,
  type SealedDatabaseRow,
  type SecretKeys,
  sealedDatabaseRow,
} from "@openworkers/db";
import { z } from "zod";
import type { DatabaseRole, Principal, Tenant, TenantDirectory, TenantPlace } from "./tenant.ts";

const passwordsSchema = z.object({
  owner: z.string().min(1),
  "read-write": z.string().min(1),
  "read-only": z.string().min(1),
  reduce: z.string().min(1),
});
const placeSchema = z.object({ url: z.string() });

/** What is remembered of a token; longer ago it is asked for again. A change is told of at once. */
const rememberedMs = 60_000;
/** How long the address of an owner's server is good: names move. */
const addressMs = 60_000;
/** Tokens remembered at a time; those that came first are forgotten first. */
const rememberedTokens = 10_000;

export interface DirectoryOptions {
  readonly database: Database;
  readonly secretKeys: Pick<SecretKeys, "open">;
  /** Makes a database that is only wanted yet; afterwards its row is ready. */
  readonly make: (id: DatabaseId) => Promise<void>;
  /**
   * Says at which address a server of an owner's is to be connected to; throws when it is not to be. Without, every
   * server may be, by whatever its name leads to.
   */
  readonly judge?: (address: Address) => Promise<string>;
}

interface LoadedTenant {
  readonly tenant: Promise<Tenant>;
  readonly loadedMs: number;
}

interface Remembered {
  readonly principal: Principal;
  /** When it is to be asked for again, and when it is good no longer. */
  readonly freshUntilMs: number;
  readonly expiresMs: number;
}

/**
 * Tenants and tokens as the platform's database has them. They are remembered, and forgotten when the database says that they
 * changed; while it cannot be reached, what is remembered stays good.
 */
export class PlatformDirectory implements TenantDirectory, AsyncDisposable {
  readonly #options: DirectoryOptions;
  readonly #tenants = new Map<DatabaseId, LoadedTenant>();
  /** By the token's text, which is in this process's memory anyway while it is used. */
  readonly #tokens = new Map<string, Remembered>();
  readonly #used = new Set<DatabaseTokenId>();
  readonly #handlers = new Set<(id: DatabaseId | undefined) => void>();
  #listening: AsyncDisposable | undefined;
  #connected = true;
  /** How often something changed: what was read before a change is not to be remembered after it. */
  #changes = 0;

  private constructor(options: DirectoryOptions) {
    this.#options = options;
  }

  /** @throws OpenWorkersError DATABASE_UNAVAILABLE */
  static async open(options: DirectoryOptions): Promise<PlatformDirectory> {
    const directory = new PlatformDirectory(options);
    directory.#listening = await options.database.listen(notificationChannel, {
      onPayload: (payload) => directory.#notified(parseNotification(payload)),
      onReconnect: () => {
        directory.#connected = true;
        directory.#changed(undefined);
      },
      onLost: () => {
        directory.#connected = false;
      },
    });
    return directory;
  }

  async tenant(id: DatabaseId): Promise<Tenant> {
    const known = this.#tenants.get(id);
    if (known !== undefined) {
      const tenant = await known.tenant;
      if (tenant.place.kind === "platform" || Date.now() < known.loadedMs + addressMs) return tenant;
      if (this.#tenants.get(id) === known) this.#tenants.delete(id);
      return this.tenant(id);
    }
    const loaded = { tenant: this.#load(id), loadedMs: Date.now() };
    this.#tenants.set(id, loaded);
    loaded.tenant.catch(() => {
      if (this.#tenants.get(id) === loaded) this.#tenants.delete(id);
    });
    return loaded.tenant;
  }

  /** As the platform's database has it now, whatever is remembered. @throws as `tenant` */
  reread(id: DatabaseId): Promise<Tenant> {
    return this.#load(id);
  }

  async authenticate(token: string): Promise<Principal> {
    const remembered = this.#tokens.get(token);
    const now = Date.now();
    if (remembered !== undefined && now < remembered.expiresMs) {
      // While the database is away nobody can be asked, and nobody can have revoked it there either.
      if (now < remembered.freshUntilMs || !this.#connected) return remembered.principal;
    }
    this.#tokens.delete(token);
    const changes = this.#changes;
    const found = await findDatabaseToken(this.#options.database, token);
    if (found === undefined) {
      throw new OpenWorkersError("UNAUTHORIZED", "The token is not good for any database.", {
        hint: "Make one: ow databases tokens create DATABASE",
      });
    }
    const { id, databaseId, name, scope, expiresAt } = found;
    const tenant = await this.tenant(databaseId);
    const principal: Principal = { tenant, scope, by: { kind: "token", id, name } };
    for (const [first] of this.#tokens) {
      if (this.#tokens.size < rememberedTokens) break;
      this.#tokens.delete(first);
    }
    if (changes === this.#changes) {
      const expiresMs = expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;
      this.#tokens.set(token, { principal, freshUntilMs: now + rememberedMs, expiresMs });
    }
    this.#used.add(id);
    return principal;
  }

  onChange(handler: (id: DatabaseId | undefined) => void): Disposable {
    this.#handlers.add(handler);
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) };
  }

  /** Looks at a database anew, before its change has been told of. */
  forget(id: DatabaseId): void {
    this.#changed(id);
  }

  /** Writes down which tokens have been used since the last time. */
  async recordUse(): Promise<void> {
    const ids = [...this.#used];
    this.#used.clear();
    await databaseTokensUsed(this.#options.database, ids);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listening?.[Symbol.asyncDispose]();
  }

  async #load(id: DatabaseId): Promise<Tenant> {
    const { database, make } = this.#options;
    let row = await sealedDatabaseRow(database, id);
    if (row?.state === "wanted") {
      await make(id);
      row = await sealedDatabaseRow(database, id);
    }
    if (row === undefined || row.state === "deleting") {
      throw new OpenWorkersError("NOT_FOUND", "The database has been deleted.");
    }
    return {
      id,
      ownerId: row.ownerId,
      name: row.name,
      place: await this.#placeOf(row),
      limits: row.limits,
      full: row.full,
    };
  }

  async #placeOf({ id, kind, sealed }: SealedDatabaseRow): Promise<TenantPlace> {
    if (sealed === null) throw new Error(`database ${id} is ready and has no passwords`);
    const { secretKeys } = this.#options;
    if (kind === "platform") return { kind, passwords: await passwordsOf({ id, sealed }, secretKeys) };
    const opened: unknown = JSON.parse(await secretKeys.open(sealed, { databaseId: id }));
    const address = parseAddress(placeSchema.parse(opened).url);
    const ip = await this.#options.judge?.(address);
    return { kind, address: ip === undefined ? address : { ...address, ip } };
  }

  #notified(notification: Notification | undefined): void {
    if (notification === undefined) this.#changed(undefined);
    else if (notification.table === "databases") this.#changed(notification.databaseId);
  }

  #changed(id: DatabaseId | undefined): void {
    this.#changes++;
    if (id === undefined) this.#tenants.clear();
    else this.#tenants.delete(id);
    for (const [token, { principal }] of this.#tokens) {
      if (id === undefined || principal.tenant.id === id) this.#tokens.delete(token);
    }
    for (const handler of this.#handlers) handler(id);
  }
}

/** The passwords of a database's roles. @throws OpenWorkersError SECRET_UNREADABLE; Error when it has none yet */
export async function passwordsOf(
  { id, sealed }: Pick<SealedDatabaseRow, "id" | "sealed">,
  secretKeys: Pick<SecretKeys, "open">,
): Promise<Readonly<Record<DatabaseRole, string>>> {
  if (sealed === null) throw new Error(`database ${id} has no passwords yet`);
  return passwordsSchema.parse(JSON.parse(await secretKeys.open(sealed, { databaseId: id })));
}
