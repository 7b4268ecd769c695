import { isOpenWorkersError, messageOf } from "@openworkers/core";
import type { Address } from "@openworkers/db";
import { describePrincipal } from "../events.ts";
import { backendAddress, isReduced, type Principal, type Tenant } from "../tenant.ts";
import { full, suspended } from "../tenant-troubles.ts";
import { Backend } from "./backend/backend.ts";
import { BackendRefusal, clientError } from "./backend/refusal.ts";
import type { CancelKeys } from "./cancel-keys.ts";
import { type Client, farewell } from "./listener/client.ts";
import { authenticated, backendKeyData, type ServerError, warning } from "./protocol/server-messages.ts";
import { Relay } from "./relay.ts";
import type { WireOptions } from "./wire-options.ts";

const connectMs = 10_000;
const readyForQuery = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

export interface SessionParts {
  readonly options: WireOptions;
  readonly keys: CancelKeys<Session>;
  readonly client: Client;
  readonly principal: Principal;
  /** Asks again who it is: throws when it is nobody any more. */
  readonly again: () => Promise<Principal>;
  /** What the client set in its start-up packet. */
  readonly settings: Readonly<Record<string, string>>;
}

/** A client that is who it says, and its session on PostgreSQL. */
export class Session {
  readonly #parts: SessionParts;
  readonly #ended = new AbortController();
  readonly #gone = Promise.withResolvers<void>();
  #backend: Backend | undefined;
  #relay: Relay | undefined;
  #activeMs = performance.now();

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  get tenant(): Tenant {
    return this.#parts.principal.tenant;
  }

  /** Serves the client; resolves when it has gone and PostgreSQL has let go of the session. Does not throw. */
  async run(): Promise<void> {
    const { client, options } = this.#parts;
    // Until the relay has them, the client's leaving must be heard too.
    client.intake.onLost = () => this.#ended.abort();
    if (client.intake.closed) this.#ended.abort();
    try {
      using _place = await options.budget.enter(this.tenant, this.#ended.signal);
      const backend = await this.#open();
      this.#backend = backend;
      using _cpu =
        this.tenant.place.kind === "platform" ? options.cpu?.enter(this.tenant.id, backend.pid) : undefined;
      const key = this.#parts.keys.issue(this);
      try {
        await this.#serve(backend, key);
      } finally {
        this.#parts.keys.revoke(key);
        await backend.leave(this.#relay?.status === "busy");
      }
    } catch (thrown) {
      void farewell(client, this.#refusal(thrown));
    } finally {
      this.#gone.resolve();
    }
  }

  /** Has PostgreSQL cancel the statement that runs, if one does. */
  async cancel(): Promise<void> {
    if (this.#ended.signal.aborted || this.#backend === undefined) return;
    this.#parts.options.report("A statement was cancelled by its client.", who(this.#parts.principal));
    await this.#backend.cancel();
  }

  /** Ends the session, whatever it does; resolves when nothing of it is left. */
  async end(reason: ServerError): Promise<void> {
    if (!this.#ended.signal.aborted) {
      // In the middle of an answer, words of ours would be taken for a part of it.
      const between = this.#relay === undefined || this.#relay.status !== "busy";
      this.#relay?.stop();
      void farewell(this.#parts.client, between ? reason : undefined);
      this.#ended.abort();
    }
    await this.#gone.promise;
  }

  /** Ends the session when it is in no transaction, or as soon as it is in none; resolves when nothing of it is left. */
  async drain(): Promise<void> {
    await Promise.race([this.#relay?.betweenTransactions(), this.#gone.promise]);
    await this.end({ code: "57P01", message: "the database service is stopping", hint: "Connect again." });
  }

  /** Ends the session when it has been idle for too long; `now` as `performance.now()` tells it. */
  check(now: number): void {
    const relay = this.#relay;
    if (relay === undefined) return;
    if (relay.wasActive()) this.#activeMs = now;
    const { idleMs } = this.#parts.options.limits;
    // A statement may be silent for as long as it may run; who does not read its answer is idle too, then.
    const patienceMs = relay.status === "busy" ? idleMs + this.tenant.limits.statementMs : idleMs;
    if (now - this.#activeMs < patienceMs) return;
    this.#reportEnd("idle for too long");
    void this.end({ code: "57P05", message: "terminating connection due to idle-session timeout" });
  }

  /** Ends the session when its principal may not have it any more, or would get another one today. */
  async look(): Promise<void> {
    const { again, options, principal } = this.#parts;
    if (this.#ended.signal.aborted) return;
    let reason: ServerError;
    try {
      if (sameSession(options, principal, await again())) return;
      reason = { code: "57P01", message: "the database has changed", hint: "Connect again." };
    } catch (thrown) {
      // Not to be told is no reason; it is asked again soon.
      if (!isOpenWorkersError(thrown, "UNAUTHORIZED", "NOT_FOUND", "FORBIDDEN")) return;
      reason = { code: "57P01", message: "access to the database has been withdrawn" };
    }
    this.#reportEnd(reason.message);
    await this.end(reason);
  }

  async #open(): Promise<Backend> {
    const { options, principal, settings } = this.#parts;
    const attempt = ({ tenant }: Principal) =>
      Backend.open(
        {
          address: backendAddress(options.server, tenant, principal.scope),
          settings: { ...options.sessionSettings(tenant, principal.scope), ...settings },
          report: (error) => this.#report("A database session met an error.", error),
        },
        AbortSignal.any([this.#ended.signal, AbortSignal.timeout(connectMs)]),
      );
    try {
      return await attempt(principal);
    } catch (thrown) {
      // A tenant may change the password of its own role.
      const { healRoles } = options;
      if (healRoles === undefined || !(thrown instanceof BackendRefusal && thrown.code === "28P01"))
        throw thrown;
      return await attempt({ ...principal, tenant: await healRoles(this.tenant) });
    }
  }

  async #serve(backend: Backend, key: Buffer): Promise<void> {
    const { client } = this.#parts;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended.signal.throwIfAborted();
    this.#ended.signal.addEventListener("abort", () => resolve());
    const relay = new Relay({
      client: client.intake,
      backend: backend.intake,
      onEnd: (who) => {
        // PostgreSQL has said why; the client is to read it.
        if (who === "backend") {
          if (!relay.saidGoodbye) this.#reportEnd("by PostgreSQL");
          void farewell(client);
        }
        resolve();
      },
    });
    this.#relay = relay;
    const { greeting } = backend.login;
    const { tenant, scope } = this.#parts.principal;
    // PostgreSQL itself says of writes then that there is no permission.
    const notice = isReduced(tenant, scope) ? warning({ code: "53100", ...full }) : Buffer.alloc(0);
    client.intake.wire.write(
      Buffer.concat([authenticated, greeting, backendKeyData(key), notice, readyForQuery]),
    );
    relay.start();
    await promise;
    relay.stop();
    this.#ended.abort();
  }

  #refusal(thrown: unknown): ServerError {
    if (this.#ended.signal.aborted) return { code: "08006", message: "the connection was closed" };
    if (isOpenWorkersError(thrown)) {
      this.#report("A database session was refused.", thrown);
      return tell(thrown);
    }
    this.#report("A database session could not begin.", thrown);
    if (this.tenant.place.kind === "platform" && thrown instanceof BackendRefusal && thrown.isNoLogin) {
      return { code: "57P03", ...suspended };
    }
    return clientError(thrown, this.#address);
  }

  get #address(): Address {
    const { options, principal } = this.#parts;
    return backendAddress(options.server, principal.tenant, principal.scope);
  }

  #reportEnd(reason: string): void {
    this.#parts.options.report("A database session was ended.", { ...who(this.#parts.principal), reason });
  }

  #report(message: string, error: unknown): void {
    this.#parts.options.report(message, { ...who(this.#parts.principal), error: messageOf(error) });
  }
}

/** What a client reads of an error of the platform's. */
export function tell(error: unknown): ServerError {
  if (!isOpenWorkersError(error)) return { code: "XX000", message: "internal error" };
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  if (error.code === "UNAUTHORIZED") return { code: "28P01", message: error.message, ...hint };
  if (error.code === "NOT_FOUND") return { code: "3D000", message: error.message, ...hint };
  if (error.code === "OVERLOADED") return { code: "53300", message: error.message, ...hint };
  if (error.code === "DATABASE_UNAVAILABLE") {
    return { code: "57P03", message: "the database cannot be reached", hint: "Try again in a moment." };
  }
  return { code: "XX000", message: "internal error" };
}

function sameSession(options: WireOptions, one: Principal, other: Principal): boolean {
  const of = (principal: Principal) =>
    JSON.stringify([
      principal.tenant.id,
      backendAddress(options.server, principal.tenant, principal.scope),
      options.sessionSettings(principal.tenant, principal.scope),
    ]);
  return of(one) === of(other);
}

function who(principal: Principal): Record<string, unknown> {
  return { who: describePrincipal(principal) };
}
