import { type DatabaseScope, messageOf, OpenWorkersError } from "@openworkers/core";
import type { Address } from "@openworkers/db";

import type { CpuFairness } from "../cpu/cpu-fairness.ts";
import { backendAddress, type Tenant } from "../tenant.ts";
import { suspended } from "../tenant-troubles.ts";
import { BackendRefusal } from "../wire/backend/refusal.ts";
import { BackendConnection } from "./backend-connection.ts";
import type { ConnectionBudget, Place } from "./connection-budget.ts";

export interface TenantPoolsOptions {
  readonly budget: ConnectionBudget<BackendConnection>;
  /** The tenants' server. */
  readonly server: Address;
  readonly sessionSettings: (tenant: Tenant, scope: DatabaseScope) => Readonly<Record<string, string>>;
  /**
   * Called when the server refuses a role's password, which its holder may have changed: sets it back, and gives the tenant
   * as it is now, which the connection is then tried for once more. `tenant` may be older than the directory's.
   */
  readonly healRoles?: (tenant: Tenant) => Promise<Tenant>;
  /** Told why a connection could not be made, or what on one made no sense; the caller is told less. */
  readonly onConnectFailure?: (tenant: Tenant, error: unknown) => void;
  /** Shares processors between the tenants of the platform's server. */
  readonly cpu?: Pick<CpuFairness, "enter">;
  /** How long a connection that nobody uses is kept, in milliseconds; 30,000 unless given. */
  readonly idleMs?: number;
  /** In milliseconds; 10,000 unless given. */
  readonly connectTimeoutMs?: number;
}

/** A connection lent to one call. */
export interface Loan {
  readonly connection: BackendConnection;
  /** Ends the loan. A connection that is not `clean` ends with it. */
  giveBack(clean: boolean): void;
}

/** Connections to tenants' databases, each used by one call at a time and kept for a while for the next. */
export class TenantPools implements AsyncDisposable {
  readonly #options: TenantPoolsOptions;
  readonly #idleMs: number;
  readonly #sweeper: ReturnType<typeof setInterval>;
  /** Counts changes of tenants: connections made before one are not used after it. */
  readonly #changes = new Map<string, number>();
  #allChanged = 0;
  /** Counts changes of what is in tenants' databases. */
  readonly #schemas = new Map<string, number>();

  constructor(options: TenantPoolsOptions) {
    this.#options = options;
    this.#idleMs = options.idleMs ?? 30_000;
    this.#sweeper = setInterval(() => void options.budget.close({ idleMs: this.#idleMs }), this.#idleMs / 4);
    this.#sweeper.unref();
  }

  /**
   * A connection to the tenant's database as the role of `scope`, with nothing left on it from before; one that has
   * `statement` at hand, if that is given and there is one.
   *
   * @throws OpenWorkersError OVERLOADED, DATABASE_UNAVAILABLE; what `signal` aborts with
   */
  async borrow(tenant: Tenant, scope: DatabaseScope, signal: AbortSignal, statement?: string): Promise<Loan> {
    const { budget } = this.#options;
    const key = this.#key(tenant, scope);
    const place = await budget.enter(tenant, signal, key, statement);
    try {
      signal.throwIfAborted();
      const connection = place.found?.open ? place.found : await this.#connect(tenant, scope, key, signal);
      return this.#lend(connection, tenant, scope, key, place);
    } catch (thrown) {
      void place.found?.destroy();
      place[Symbol.dispose]();
      throw thrown;
    }
  }

  /** As `borrow`, when there is a connection that can be had at once. */
  borrowNow(tenant: Tenant, scope: DatabaseScope, statement?: string): Loan | undefined {
    const key = this.#key(tenant, scope);
    const place = this.#options.budget.take(tenant, key, statement);
    if (place?.found === undefined) return undefined;
    if (place.found.open) return this.#lend(place.found, tenant, scope, key, place);
    place[Symbol.dispose]();
    return undefined;
  }

  /** What names mean in the tenant's database may have changed: plans of before are not used any more. */
  schemaChanged({ id }: Tenant): void {
    this.#schemas.set(id, this.#schemaOf(id) + 1);
  }

  /** Ends connections of a tenant that changed (of all, without an id): at once, or when their call has ended. */
  invalidate(id: string | undefined): void {
    if (id === undefined) this.#allChanged++;
    else this.#changes.set(id, (this.#changes.get(id) ?? 0) + 1);
    void this.#options.budget.close(id === undefined ? {} : { tenant: id });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweeper);
    this.invalidate(undefined);
    await this.#options.budget.close({});
  }

  #lend(
    connection: BackendConnection,
    tenant: Tenant,
    scope: DatabaseScope,
    key: string,
    place: Place<BackendConnection>,
  ): Loan {
    connection.memory.lent(this.#schemaOf(tenant.id));
    return {
      connection,
      giveBack: (clean) => this.#giveBack(connection, place, clean && key === this.#key(tenant, scope)),
    };
  }

  #schemaOf(id: string): number {
    return this.#schemas.get(id) ?? 0;
  }

  /** What decides the role of a session, and whether its tenant is still as it was. */
  #key({ id, full }: Tenant, scope: DatabaseScope): string {
    return `${scope} ${full} ${this.#allChanged} ${this.#changes.get(id) ?? 0}`;
  }

  #giveBack(connection: BackendConnection, place: Place<BackendConnection>, reusable: boolean): void {
    if (reusable && connection.open) {
      place.keep(connection);
      return;
    }
    void (reusable ? connection.close() : connection.destroy()).then(() => place[Symbol.dispose]());
  }

  async #connect(
    tenant: Tenant,
    scope: DatabaseScope,
    key: string,
    signal: AbortSignal,
  ): Promise<BackendConnection> {
    const address = backendAddress(this.#options.server, tenant, scope);
    const { budget, cpu, sessionSettings, healRoles, onConnectFailure } = this.#options;
    const { connectTimeoutMs = 10_000 } = this.#options;
    let healed = false;
    let current = address;
    for (let attempt = 1; ; attempt++) {
      try {
        const settings = sessionSettings(tenant, scope);
        const report = (error: unknown) => onConnectFailure?.(tenant, error);
        const connection = await BackendConnection.open(current, {
          settings,
          key,
          // A pooler of an owner's may give each message another session.
          keeps: tenant.place.kind === "platform",
          connectTimeoutMs,
          report,
        });
        const watched = tenant.place.kind === "platform" ? cpu?.enter(tenant.id, connection.pid) : undefined;
        void connection.closed.then(() => {
          watched?.[Symbol.dispose]();
          budget.drop(connection);
        });
        return connection;
      } catch (thrown) {
        const state = sqlState(thrown);
        if (state === "28P01" && !healed && tenant.place.kind === "platform" && healRoles !== undefined) {
          healed = true;
          current = backendAddress(this.#options.server, await healRoles(tenant), scope);
          continue;
        }
        // A session that ended a moment ago may still count at the server.
        if (state === "53300" && attempt <= 6) {
          await Bun.sleep(25 * 2 ** attempt);
          signal.throwIfAborted();
          continue;
        }
        onConnectFailure?.(tenant, thrown);
        throw refusal(tenant, state, thrown);
      }
    }
  }
}

function sqlState(thrown: unknown): string | undefined {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string"
    ? thrown.code
    : undefined;
}

function refusal({ place }: Tenant, state: string | undefined, cause: unknown): OpenWorkersError {
  if (place.kind === "platform" && cause instanceof BackendRefusal && cause.isNoLogin) {
    return new OpenWorkersError("DATABASE_UNAVAILABLE", "The database is suspended for a while.", {
      cause: messageOf(cause),
      hint: suspended.hint,
    });
  }
  if (state === "53300") {
    return new OpenWorkersError("OVERLOADED", "The database has no connection left.", {
      cause,
      hint: "Try again later.",
    });
  }
  return new OpenWorkersError("DATABASE_UNAVAILABLE", "The database cannot be reached.", {
    cause: messageOf(cause),
    hint: "Try again later; its operator finds the reason in the log.",
  });
}
