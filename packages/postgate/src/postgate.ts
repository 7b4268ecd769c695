import {
  type DatabaseId,
  type DatabaseScope,
  isOpenWorkersError,
  messageOf,
  OpenWorkersError,
} from "@openworkers/core";
import type { Address } from "@openworkers/db";
import { Call } from "./call.ts";
import type { CpuFairness } from "./cpu/cpu-fairness.ts";
import type { PostgateEvent } from "./events.ts";
import { CallMemory } from "./http/call-memory.ts";
import { failureAnswer } from "./http/failure-answer.ts";
import { HttpFace, lookupFailure } from "./http/http-face.ts";
import { readBody } from "./http/read-body.ts";
import { resultAnswer } from "./http/result-answer.ts";
import type { BackendConnection } from "./pool/backend-connection.ts";
import { ConnectionBudget } from "./pool/connection-budget.ts";
import { connectionPlaces } from "./pool/connection-places.ts";
import { TenantPools } from "./pool/tenant-pools.ts";
import { parseCommand } from "./query/command.ts";
import { QueryEngine } from "./query/query-engine.ts";
import type { Principal, Tenant, TenantDirectory } from "./tenant.ts";

export interface PostgateOptions {
  readonly directory: TenantDirectory;
  /** The tenants' server. Whoever it names is asked once how many connections the server takes. */
  readonly server: Address;
  readonly sessionSettings: (tenant: Tenant, scope: DatabaseScope) => Readonly<Record<string, string>>;
  readonly healRoles?: (tenant: Tenant) => Promise<Tenant>;
  /** Shares processors between the tenants of `server`. */
  readonly cpu?: Pick<CpuFairness, "enter">;
  /** Connections to tenants' databases in all; what the server leaves unless given. */
  readonly connections?: number;
  readonly idleMs?: number;
  /** What requests and results may take while calls are under way, in bytes; 512 MB unless given. */
  readonly memoryBytes?: number;
  /** Must not throw. */
  readonly onEvent?: (event: PostgateEvent) => void;
}

/** Who calls through a binding. */
export interface WorkerCaller {
  readonly worker: string;
  /** What it may do there; all that the database's owner may unless given. */
  readonly scope?: DatabaseScope;
}

/**
 * The way to tenants' databases: pools of connections as their roles, and the faces that calls come in by. Whoever made it
 * disposes of it; `drain` first lets calls end.
 */
export class Postgate implements AsyncDisposable {
  /** Places for connections, which all faces take theirs from. */
  readonly budget: ConnectionBudget<BackendConnection>;
  readonly #options: PostgateOptions;
  readonly #onEvent: (event: PostgateEvent) => void;
  readonly #pools: TenantPools;
  readonly #engine: QueryEngine;
  readonly #memory: CallMemory;
  readonly #changes: Disposable;
  readonly #faces = new Set<HttpFace>();
  /** Calls under way. A common signal would hold on to every call it was ever combined with. */
  readonly #running = new Set<Call>();
  #attention: ReturnType<typeof setTimeout> | undefined;
  #underWay = 0;
  #draining = false;
  readonly #idle = Promise.withResolvers<void>();

  private constructor(options: PostgateOptions, places: number) {
    const { directory, server, cpu, sessionSettings, healRoles, idleMs } = options;
    this.#options = options;
    this.#onEvent = options.onEvent ?? (() => {});
    this.budget = new ConnectionBudget({ places });
    this.#memory = new CallMemory(options.memoryBytes);
    this.#pools = new TenantPools({
      budget: this.budget,
      server,
      sessionSettings,
      onConnectFailure: ({ id }, error) =>
        this.#onEvent({ kind: "connect-failed", databaseId: id, message: messageOf(error) }),
      ...(cpu === undefined ? {} : { cpu }),
      ...(healRoles === undefined ? {} : { healRoles }),
      ...(idleMs === undefined ? {} : { idleMs }),
    });
    this.#engine = new QueryEngine({ pools: this.#pools, onEvent: this.#onEvent });
    this.#changes = directory.onChange((id) => this.#pools.invalidate(id));
  }

  /** @throws OpenWorkersError DATABASE_UNAVAILABLE when the server cannot be asked how many connections it takes */
  static async open(options: PostgateOptions): Promise<Postgate> {
    return new Postgate(options, options.connections ?? (await connectionPlaces(options.server)));
  }

  /**
   * Answers one request of the query protocol (`POST`, JSON) for a worker that the database is bound to, which is its
   * owner there unless it says less. Failures are answers too. `request.signal` cancels it.
   */
  async query(databaseId: DatabaseId, request: Request, caller: WorkerCaller): Promise<Response> {
    const { worker, scope = "owner" } = caller;
    return this.#counted(async () => {
      const tenant = await this.#options.directory.tenant(databaseId).catch((thrown: unknown) => {
        throw lookupFailure(thrown);
      });
      return this.#answer({ tenant, scope, by: { kind: "worker", worker } }, request);
    });
  }

  /** Opens the HTTP face. It is closed with this, or by disposing of it. @throws OpenWorkersError PORT_IN_USE */
  listenHttp(place: { readonly hostname?: string; readonly port?: number }): HttpFace {
    const face = HttpFace.listen({
      ...place,
      directory: this.#options.directory,
      answer: (principal, request) => this.#counted(() => this.#answer(principal, request)),
      onEvent: this.#onEvent,
    });
    this.#faces.add(face);
    return face;
  }

  /** Bytes of requests and results that calls hold now. */
  get heldBytes(): number {
    return this.#memory.held;
  }

  /** Refuses further calls and resolves when those under way have ended; after `patienceMs` they are cancelled. */
  async drain(patienceMs: number): Promise<void> {
    this.#draining = true;
    for (const face of this.#faces) void face.drain();
    const timer = setTimeout(() => {
      for (const call of this.#running) call.cancel(stopping());
    }, patienceMs);
    if (this.#underWay > 0) await this.#idle.promise;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(0);
    for (const face of this.#faces) await face[Symbol.asyncDispose]();
    clearTimeout(this.#attention);
    this.#changes[Symbol.dispose]();
    await this.#pools[Symbol.asyncDispose]();
  }

  async #counted(work: () => Promise<Response>): Promise<Response> {
    if (this.#draining) return failureAnswer(stopping());
    this.#underWay++;
    try {
      return await work();
    } catch (thrown) {
      if (!isOpenWorkersError(thrown)) this.#onEvent({ kind: "internal-error", error: thrown });
      return failureAnswer(thrown);
    } finally {
      this.#underWay--;
      if (this.#draining && this.#underWay === 0) this.#idle.resolve();
    }
  }

  async #answer(principal: Principal, request: Request): Promise<Response> {
    using call = new Call(request.signal);
    this.#running.add(call);
    this.#attention ??= setTimeout(() => this.#attend(), attendedAfterMs);
    const memory = this.#memory.share(principal.tenant.id);
    try {
      const body = await readBody(request, memory).catch((thrown: unknown) => {
        if (isOpenWorkersError(thrown, "OVERLOADED")) {
          const { code, message } = thrown;
          this.#onEvent({ kind: "query-refused", principal, code, message });
        }
        throw thrown;
      });
      const command = parseCommand(body);
      return resultAnswer(await this.#engine.run(principal, command, memory, call), memory);
    } catch (thrown) {
      memory[Symbol.dispose]();
      throw thrown;
    } finally {
      this.#running.delete(call);
    }
  }

  /** Listens for whether their callers leave, to all calls that are under way: most have ended by then. */
  #attend(): void {
    for (const call of this.#running) call.attend();
    this.#attention =
      this.#running.size === 0 ? undefined : setTimeout(() => this.#attend(), attendedAfterMs);
  }
}

/** To listen, and to stop, costs a short call a tenth of its time; whoever leaves a longer one is heard of soon enough. */
const attendedAfterMs = 20;

function stopping(): OpenWorkersError {
  return new OpenWorkersError("OVERLOADED", "The database service is stopping.", { hint: "Try again." });
}
