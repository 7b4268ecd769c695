import { type DatabaseId, type DatabaseLimits, defaultDatabaseLimits } from "@openworkers/core";
import type { DatabaseRole } from "../tenant.ts";
import { Penalties } from "./penalties.ts";
import { Repeated } from "./repeated.ts";
import type { TenantServer } from "./tenant-server.ts";
import { WatchConnection, type Watched, type WatchedSession } from "./watch-connection.ts";

/** What a session did that PostgreSQL's own limits did not end. */
export type Offence =
  | "statement"
  | "idle-in-transaction"
  | "transaction"
  | "locks"
  | "notify-queue"
  | "analyze"
  | "deaf";

/** What the watchdog did, for the log. */
export interface Bite {
  readonly tenant: DatabaseId;
  /** The role that the session logged in as; `undefined` for PostgreSQL's own autovacuum. */
  readonly role: DatabaseRole | undefined;
  readonly pid: number;
  /** What the client calls itself. Text of the tenant's. */
  readonly application: string;
  readonly offence: Offence;
  /** Milliseconds, locks, or how full the queue is. */
  readonly measured: number;
  readonly allowed: number;
  readonly action: "cancelled" | "terminated" | "suspended";
}

export interface WatchdogOptions {
  /** `undefined`: the tenant is not known, and the default limits hold. */
  readonly limits: (id: DatabaseId) => Promise<DatabaseLimits | undefined>;
  readonly onBite: (bite: Bite) => void;
  readonly onError: (thrown: unknown) => void;
  /** Between two looks; a second unless given. */
  readonly everyMs?: number;
  /**
   * How long autovacuum may gather statistics of one table; 20 seconds unless given. It calls the functions of indexes
   * and has no timeout, and there are few such workers for all.
   */
  readonly analyzeMs?: number;
}

/** What PostgreSQL's own timeouts may be late by. */
const graceMs = 1_000;
/** A transaction may be open for as many statements at their limit; it holds back VACUUM, and the queue of NOTIFY. */
const statementsPerTransaction = 10;
/** The part of the locks that one tenant may hold, and of the queue that may be full before somebody is ended. */
const lockShare = 1 / 4;
const notifyShare = 1 / 20;
/** How many looks a session that was terminated may take to end. */
const deafLooks = 5;

interface Finding {
  readonly session: WatchedSession;
  readonly offence: Offence;
  readonly measured: number;
  readonly allowed: number;
}

/**
 * Ends what gets round the limits that PostgreSQL enforces. A session may set `statement_timeout` and the like for itself,
 * a function may catch the cancellation, and locks and the queue of NOTIFY are one for all databases. A statement is
 * cancelled first, and its session terminated when that did not help; a tenant that uses up what all share is shut out for
 * a while, twice as long each time.
 */
export class Watchdog implements AsyncDisposable {
  readonly #server: TenantServer;
  readonly #connection: WatchConnection;
  readonly #options: WatchdogOptions;
  readonly #penalties = new Penalties();
  readonly #looks: Repeated;
  /** Turns that were cancelled at the last look. */
  #cancelled = new Set<string>();
  /** Turns that were terminated and are still there: since how many looks. */
  #terminated = new Map<string, number>();
  /** Until when tenants with such turns are shut out; milliseconds since 1970. */
  readonly #deaf = new Map<DatabaseId, number>();

  /** Begins when its connection is there: when it is needed, nobody may be able to log in. */
  static async start(server: TenantServer, options: WatchdogOptions): Promise<Watchdog> {
    const connection = new WatchConnection(server.address);
    try {
      await connection.look();
    } catch (thrown) {
      await connection[Symbol.asyncDispose]();
      throw thrown;
    }
    return new Watchdog(server, connection, options);
  }

  private constructor(server: TenantServer, connection: WatchConnection, options: WatchdogOptions) {
    this.#server = server;
    this.#connection = connection;
    this.#options = options;
    this.#looks = new Repeated(() => this.look(), options.everyMs ?? 1_000, options.onError);
  }

  /** Looks once. @throws what `pg` throws when the server is not there, OpenWorkersError DATABASE_UNAVAILABLE */
  async look(): Promise<void> {
    const seen = await this.#connection.look();
    const findings = [...(await this.#slow(seen)), ...greedy(seen)];
    const cancelled = new Set<string>();
    const terminated = new Map<string, number>();
    const suspended = new Set<DatabaseId>();
    for (const finding of findings) {
      const { session, offence } = finding;
      if (suspended.has(session.tenant)) continue;
      const looks = this.#terminated.get(session.turn);
      if (looks !== undefined) {
        terminated.set(session.turn, looks + 1);
        if (looks >= deafLooks && (await this.#shutOut(finding))) suspended.add(session.tenant);
        continue;
      }
      const action = this.#actionFor(finding);
      if (action === "suspended") {
        suspended.add(session.tenant);
        // Before all else: until then nobody gets a lock, and to suspend it takes some.
        await this.#connection.endAll(session.tenant);
        await this.#server.suspend(session.tenant, this.#penalties.next(session.tenant));
      } else {
        if (action === "cancelled") cancelled.add(session.turn);
        if (!(await this.#connection.end(session, action))) continue;
        if (action === "terminated") terminated.set(session.turn, 1);
        if (session.analyzed !== undefined) await this.#server.leaveAlone(session.tenant, session.analyzed);
      }
      const { tenant, role, pid, application } = session;
      const { measured, allowed } = finding;
      this.#options.onBite({ tenant, role, pid, application, offence, measured, allowed, action });
    }
    this.#cancelled = cancelled;
    this.#terminated = terminated;
  }

  /**
   * Shuts out the tenant of a session that is to end and does not: PostgreSQL has functions that compute for as long as
   * their arguments want and look up at no signal, and nothing but the end of all sessions ends them. So that there are
   * no more of them, nobody logs in until it has come to its end. Returns whether it is news.
   */
  async #shutOut({ session, measured, allowed }: Finding): Promise<boolean> {
    const { tenant, role, pid, application } = session;
    const now = Date.now();
    for (const [id, until] of this.#deaf) if (until < now) this.#deaf.delete(id);
    if (this.#deaf.has(tenant)) return false;
    const ms = this.#penalties.next(tenant);
    this.#deaf.set(tenant, now + ms);
    await this.#server.suspend(tenant, ms);
    this.#options.onBite({
      tenant,
      role,
      pid,
      application,
      offence: "deaf",
      measured,
      allowed,
      action: "suspended",
    });
    return true;
  }

  #actionFor({ session, offence }: Finding): Bite["action"] {
    if (offence === "locks") return "suspended";
    if (offence === "notify-queue") return "terminated";
    // There is no statement to cancel.
    if (offence === "idle-in-transaction" || offence === "transaction") return "terminated";
    return this.#cancelled.has(session.turn) ? "terminated" : "cancelled";
  }

  async #slow({ sessions }: Watched): Promise<Finding[]> {
    const found: Finding[] = [];
    const analyzeMs = this.#options.analyzeMs ?? 20_000;
    for (const session of sessions) {
      // Most are well below any limit: nothing is looked up for them.
      if (session.stateMs < graceMs && session.transactionMs < graceMs) continue;
      if (session.role === undefined) {
        if (session.state === "analyze" && session.transactionMs > analyzeMs) {
          found.push({ session, offence: "analyze", measured: session.transactionMs, allowed: analyzeMs });
        }
        continue;
      }
      const limits = (await this.#options.limits(session.tenant)) ?? defaultDatabaseLimits;
      const finding = slow(session, limits);
      if (finding !== undefined) found.push(finding);
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#looks[Symbol.asyncDispose]();
    await this.#connection[Symbol.asyncDispose]();
  }
}

function slow(session: WatchedSession, limits: DatabaseLimits): Finding | undefined {
  const { statementMs, idleInTransactionMs } = limits;
  const { state, stateMs, transactionMs } = session;
  const allowedInAll = statementsPerTransaction * Math.max(statementMs, idleInTransactionMs);
  if (state === "active" && stateMs > statementMs + graceMs) {
    return { session, offence: "statement", measured: stateMs, allowed: statementMs };
  }
  if (state === "idle in transaction" && stateMs > idleInTransactionMs + graceMs) {
    return { session, offence: "idle-in-transaction", measured: stateMs, allowed: idleInTransactionMs };
  }
  if (transactionMs > allowedInAll) {
    return { session, offence: "transaction", measured: transactionMs, allowed: allowedInAll };
  }
  return undefined;
}

/** Sessions that take too much of what all databases share. */
function greedy({ sessions, lockCapacity, notifyQueue }: Watched): Finding[] {
  const found: Finding[] = [];
  const locks = Map.groupBy(sessions, ({ tenant }) => tenant);
  for (const [, own] of locks) {
    const measured = own.reduce((sum, session) => sum + session.locks, 0);
    const allowed = Math.floor(lockCapacity * lockShare);
    const session = own.toSorted((a, b) => b.locks - a.locks)[0];
    if (measured > allowed && session !== undefined)
      found.push({ session, offence: "locks", measured, allowed });
  }
  if (notifyQueue > notifyShare) {
    // Who listens is not to be seen. What holds the queue back is a listener that does not come to its end: the oldest.
    const session = sessions
      .filter(
        ({ role, transactionMs, waitsForClient }) => role && (transactionMs > graceMs || waitsForClient),
      )
      .toSorted((a, b) => b.transactionMs - a.transactionMs)[0];
    if (session !== undefined) {
      found.push({ session, offence: "notify-queue", measured: notifyQueue, allowed: notifyShare });
    }
  }
  return found;
}
