import type { DatabaseScope, Report } from "@openworkers/core";
import type { Address } from "@openworkers/db";
import type { CpuFairness } from "../cpu/cpu-fairness.ts";
import type { Tenant, TenantDirectory } from "../tenant.ts";
import type { DoorLimits } from "./listener/doorkeeper.ts";

/** Places for connections to PostgreSQL; the face takes one for as long as a session lasts. */
export interface Places {
  /** @throws OpenWorkersError OVERLOADED; what `signal` aborted with */
  enter(tenant: Tenant, signal: AbortSignal): Promise<Disposable>;
}

export interface WireLimits extends DoorLimits {
  /** How long a session may be silent. */
  readonly idleMs: number;
  /** How long a client may take until it has said who it is. */
  readonly handshakeMs: number;
  /** How often it is asked whether sessions are still allowed: a token that expires tells nobody. */
  readonly lookMs: number;
  /** Connections that one cell may have open through one binding. */
  readonly perCell: number;
}

export interface WireOptions {
  readonly directory: TenantDirectory;
  /** The tenants' server. Who logs in there does not count. */
  readonly server: Address;
  readonly budget: Places;
  /** Shares processors between the tenants of the platform's server. */
  readonly cpu?: Pick<CpuFairness, "enter">;
  readonly sessionSettings: (tenant: Tenant, scope: DatabaseScope) => Readonly<Record<string, string>>;
  /** Gives the roles of a tenant their passwords and settings again. Gives the tenant as it is now. */
  readonly healRoles?: (tenant: Tenant) => Promise<Tenant>;
  /** What an operator should read. Never throws. */
  readonly report: Report;
  readonly limits: WireLimits;
}
