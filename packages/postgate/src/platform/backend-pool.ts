import { messageOf, type Report, within } from "@openworkers/core";
import { BackendRefusal } from "../wire/backend/refusal.ts";
import { LentBackend } from "./lent-backend.ts";
import type { Face, PlatformRoles } from "./platform-roles.ts";

/** For what a caller may do to others by keeping a transaction open; a session may set them higher, and ends by Postgate then. */
const settings = {
  statement_timeout: "10s",
  idle_in_transaction_session_timeout: "10s",
  lock_timeout: "5s",
  client_encoding: "UTF8",
  application_name: "openworkers api",
} as const;

const connectMs = 10_000;
const sweepMs = 10_000;

export interface PoolLimits {
  /** How many wait for callers at most. */
  readonly warm: number;
  /** How long a second one and further ones wait. */
  readonly idleMs: number;
}

/** Backends of one face that wait for callers: a new one is a process of PostgreSQL's, and costs more than most requests. */
export class BackendPool implements AsyncDisposable {
  readonly #face: Face;
  readonly #roles: PlatformRoles;
  readonly #limits: PoolLimits;
  readonly #report: Report;
  readonly #sweep: ReturnType<typeof setInterval>;
  readonly #leaving = new Set<Promise<void>>();
  #idle: LentBackend[] = [];
  #disposed = false;

  constructor(face: Face, roles: PlatformRoles, limits: PoolLimits, report: Report) {
    this.#face = face;
    this.#roles = roles;
    this.#limits = limits;
    this.#report = report;
    this.#sweep = setInterval(() => this.#dropIdle(), sweepMs);
    this.#sweep.unref();
  }

  /** One that waits, if any does. */
  warm(): LentBackend | undefined {
    for (;;) {
      // The one that came last: the others can go.
      const backend = this.#idle.pop();
      if (backend === undefined || !backend.closed) return backend;
    }
  }

  /** A new one; its login is made when there is none. @throws BackendRefusal, OpenWorkersError, Error saying why not */
  async fresh(signal: AbortSignal): Promise<LentBackend> {
    try {
      return await this.#connect(signal);
    } catch (thrown) {
      // 28000: there is no such role; 28P01: it has another password, or the server does not tell which.
      if (!(thrown instanceof BackendRefusal) || !["28000", "28P01", "42501"].includes(thrown.code))
        throw thrown;
      await this.#roles.ensure();
      return await this.#connect(signal);
    }
  }

  /** Takes one back: for the next when it can be cleaned, else it goes. Resolves when it has. */
  async giveBack(
    backend: LentBackend,
    { reusable, busy }: { reusable: boolean; busy: boolean },
  ): Promise<void> {
    if (reusable && !this.#disposed && !backend.closed && this.#idle.length < this.#limits.warm) {
      try {
        const cleaned = await within(
          backend.clean().then(() => true),
          connectMs,
        );
        if (cleaned === true && !this.#disposed && !backend.closed) {
          this.#idle.push(backend);
          return;
        }
      } catch (thrown) {
        if (!backend.closed) {
          this.#report("A connection of the API's could not be used again.", { error: messageOf(thrown) });
        }
      }
    }
    await this.#leave(backend, busy);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    clearInterval(this.#sweep);
    for (const backend of this.#idle.splice(0)) void this.#leave(backend, false);
    await Promise.all(this.#leaving);
  }

  async #connect(signal: AbortSignal): Promise<LentBackend> {
    return LentBackend.open(
      {
        address: this.#roles.addressOf(this.#face),
        settings,
        report: (error) =>
          this.#report("A connection of the API's met an error.", { error: messageOf(error) }),
      },
      AbortSignal.any([signal, AbortSignal.timeout(connectMs)]),
    );
  }

  async #leave(backend: LentBackend, busy: boolean): Promise<void> {
    const left = backend.leave(busy);
    this.#leaving.add(left);
    try {
      await left;
    } finally {
      this.#leaving.delete(left);
    }
  }

  #dropIdle(): void {
    const before = performance.now() - this.#limits.idleMs;
    const [first, ...rest] = this.#idle.filter(({ closed }) => !closed);
    this.#idle =
      first === undefined ? [] : [first, ...rest.filter(({ idleSinceMs }) => idleSinceMs >= before)];
    for (const backend of rest) if (backend.idleSinceMs < before) void this.#leave(backend, false);
  }
}
