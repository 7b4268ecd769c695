import { OpenWorkersError } from "@openworkers/core";
import type { Tenant } from "../tenant.ts";

/** What may stay in a place while nobody uses it: an idle connection. */
export interface Keepable {
  /** Whoever asks for the same key of the same tenant may use it. */
  readonly key: string;
  /** What whoever uses it need not do again. */
  readonly atHand?: string | undefined;
  /** Ends it. Resolves when its place can be used by another; never rejects. */
  close(): Promise<void>;
}

export interface BudgetOptions {
  /** Connections in all. */
  readonly places: number;
  /** How many may wait for one tenant before more are refused; 1,000 unless given. */
  readonly waitingPerTenant?: number;
  /** How long one may wait, in milliseconds; 30,000 unless given. */
  readonly waitMs?: number;
}

/** The right to one connection, until it is disposed of or kept. */
export interface Place<Kept extends Keepable> extends Disposable {
  /** What was kept here under the key that was asked for. */
  readonly found: Kept | undefined;
  /** Leaves `kept` in the place, for the next of the tenant who asks for its key; it is closed if others need the place. */
  keep(kept: Kept): void;
}

interface Idle<Kept> {
  readonly group: Group<Kept>;
  readonly kept: Kept;
  readonly since: number;
}

/** What somebody would like to find kept. */
interface Wish {
  readonly key: string | undefined;
  readonly atHand: string | undefined;
}

interface Waiter<Kept> {
  readonly wish: Wish;
  readonly since: number;
  grant(idle: Idle<Kept> | undefined): void;
  refuse(reason: unknown): void;
}

/** The places of one tenant. */
interface Group<Kept> {
  readonly id: string;
  limit: number;
  busy: number;
  readonly idle: Set<Idle<Kept>>;
  readonly waiting: Set<Waiter<Kept>>;
}

/**
 * Who may have a connection: so many for each tenant, so many in all. Tenants that wait are served in turn, one place
 * each, however many wait for one of them; the last fifth of the places is for tenants that have none; and an idle
 * connection gives way to whoever waits.
 */
export class ConnectionBudget<Kept extends Keepable = Keepable> {
  readonly places: number;
  readonly #waitingPerTenant: number;
  readonly #waitMs: number;
  readonly #reserved: number;
  readonly #groups = new Map<string, Group<Kept>>();
  /** Tenants that somebody waits for; whose turn it is comes first. */
  readonly #turns = new Set<Group<Kept>>();
  /** All that is kept, the longest idle first. */
  readonly #idle = new Set<Idle<Kept>>();
  /** All that wait, the longest first. */
  readonly #waiters = new Set<Waiter<Kept>>();
  #patience: ReturnType<typeof setTimeout> | undefined;
  #busy = 0;

  constructor({ places, waitingPerTenant = 1_000, waitMs = 30_000 }: BudgetOptions) {
    this.places = places;
    this.#waitingPerTenant = waitingPerTenant;
    this.#waitMs = waitMs;
    this.#reserved = places === 1 ? 0 : Math.ceil(places / 5);
  }

  /** Places that are taken, and connections that are kept. */
  get usage(): { readonly busy: number; readonly idle: number } {
    return { busy: this.#busy, idle: this.#idle.size };
  }

  /**
   * Waits for a place. With `key`, one in which such a thing was kept comes first: the one that has `atHand` if there is
   * one, else the one that nobody used for longest, for the others to keep what they have; without `atHand`, the warmest.
   *
   * @throws OpenWorkersError OVERLOADED (too many wait, or it took too long); what `signal` aborts with
   */
  async enter(tenant: Tenant, signal: AbortSignal, key?: string, atHand?: string): Promise<Place<Kept>> {
    signal.throwIfAborted();
    const wish = { key, atHand };
    const group = this.#group(tenant);
    const choice = this.#chooseNow(group, wish);
    if (choice !== undefined) {
      this.#occupy(group, choice.idle);
      return this.#take(group, choice.idle, key);
    }
    if (group.waiting.size >= this.#waitingPerTenant) {
      this.#forget(group);
      throw overloaded(`${group.waiting.size} queries of the database wait for a connection already.`);
    }
    return this.#take(group, await this.#wait(group, wish, signal), key);
  }

  /** As `enter`, of what is kept under `key` and can be had at once; undefined when that is nothing. */
  take(tenant: Tenant, key: string, atHand?: string): Place<Kept> | undefined {
    const group = this.#group(tenant);
    const idle = this.#chooseNow(group, { key, atHand })?.idle;
    if (idle?.group !== group || idle.kept.key !== key) {
      this.#forget(group);
      return undefined;
    }
    this.#occupy(group, idle);
    return new Held(idle.kept, (kept) => this.#put(group, kept));
  }

  /** Ends what is kept: all of one tenant's, or all that nobody used for `idleMs`. */
  async close(which: { readonly tenant?: string; readonly idleMs?: number }): Promise<void> {
    const before = performance.now() - (which.idleMs ?? 0);
    const gone = [...this.#idle].filter(
      ({ group, since }) => (which.tenant === undefined || group.id === which.tenant) && since <= before,
    );
    // They hold their places until they have ended.
    for (const idle of gone) this.#occupy(idle.group, idle);
    await Promise.all(
      gone.map(async ({ group, kept }) => {
        await kept.close();
        this.#leave(group);
      }),
    );
  }

  /** Forgets what was kept, because it ended by itself. */
  drop(kept: Kept): void {
    for (const idle of this.#idle) {
      if (idle.kept !== kept) continue;
      this.#occupy(idle.group, idle);
      this.#leave(idle.group);
      return;
    }
  }

  #group({ id, limits }: Tenant): Group<Kept> {
    let group = this.#groups.get(id);
    if (group === undefined) {
      group = { id, limit: limits.connections, busy: 0, idle: new Set(), waiting: new Set() };
      this.#groups.set(id, group);
    }
    group.limit = limits.connections;
    return group;
  }

  #forget(group: Group<Kept>): void {
    if (group.busy + group.idle.size + group.waiting.size === 0) this.#groups.delete(group.id);
  }

  #chooseNow(group: Group<Kept>, wish: Wish): Choice<Kept> | undefined {
    return group.waiting.size === 0 ? this.#choose(group, wish) : undefined;
  }

  /** What the tenant gets if it asks now: a kept connection to use or to end, or a free place; or nothing. */
  #choose(group: Group<Kept>, wish: Wish): Choice<Kept> | undefined {
    const held = group.busy + group.idle.size;
    if (group.busy >= group.limit) return undefined;
    if (this.#busy + (group.busy === 0 ? 0 : this.#reserved) >= this.places) return undefined;
    const same = bestOf(group.idle, wish);
    if (same !== undefined) return { idle: same };
    if (held >= group.limit) {
      const [longest] = group.idle;
      return { idle: longest };
    }
    if (this.#busy + this.#idle.size < this.places) return { idle: undefined };
    const [longest] = this.#idle;
    return { idle: longest };
  }

  #occupy(group: Group<Kept>, idle: Idle<Kept> | undefined): void {
    group.busy++;
    this.#busy++;
    if (idle === undefined) return;
    idle.group.idle.delete(idle);
    this.#idle.delete(idle);
    this.#forget(idle.group);
  }

  /** The place that was occupied for `idle`, which is ended first when it is not what was asked for. */
  async #take(
    group: Group<Kept>,
    idle: Idle<Kept> | undefined,
    key: string | undefined,
  ): Promise<Place<Kept>> {
    const found = idle?.group === group && idle.kept.key === key ? idle.kept : undefined;
    if (idle !== undefined && found === undefined) await idle.kept.close();
    return new Held(found, (kept) => this.#put(group, kept));
  }

  #put(group: Group<Kept>, kept: Kept | undefined): void {
    if (kept !== undefined) {
      const left = { group, kept, since: performance.now() };
      group.idle.add(left);
      this.#idle.add(left);
    }
    this.#leave(group);
  }

  #leave(group: Group<Kept>): void {
    group.busy--;
    this.#busy--;
    this.#serve();
    this.#forget(group);
  }

  /** Gives what can be given to those who wait, one place to each tenant in turn. */
  #serve(): void {
    for (let refused = 0; refused < this.#turns.size; ) {
      const [group] = this.#turns;
      const [waiter] = group?.waiting ?? [];
      if (group === undefined || waiter === undefined) return;
      this.#turns.delete(group);
      const choice = this.#choose(group, waiter.wish);
      if (choice !== undefined) {
        group.waiting.delete(waiter);
        this.#waiters.delete(waiter);
        this.#occupy(group, choice.idle);
        waiter.grant(choice.idle);
        refused = 0;
      } else {
        refused++;
      }
      if (group.waiting.size > 0) this.#turns.add(group);
    }
  }

  async #wait(group: Group<Kept>, wish: Wish, signal: AbortSignal): Promise<Idle<Kept> | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<Idle<Kept> | undefined>();
    const waiter: Waiter<Kept> = {
      wish,
      since: performance.now(),
      grant: resolve,
      refuse: (reason) => {
        if (!group.waiting.delete(waiter)) return;
        this.#waiters.delete(waiter);
        if (group.waiting.size === 0) this.#turns.delete(group);
        this.#forget(group);
        reject(reason);
      },
    };
    group.waiting.add(waiter);
    this.#waiters.add(waiter);
    this.#turns.add(group);
    this.#watch();
    const aborted = () => waiter.refuse(signal.reason);
    signal.addEventListener("abort", aborted, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", aborted);
    }
  }

  /** One timer for all who wait: it is for whoever waits longest, and most are served long before. */
  #watch(): void {
    if (this.#patience !== undefined) return;
    const [longest] = this.#waiters;
    if (longest === undefined) return;
    const leftMs = Math.max(0, longest.since + this.#waitMs - performance.now());
    this.#patience = setTimeout(() => {
      this.#patience = undefined;
      const before = performance.now() - this.#waitMs;
      for (const waiter of this.#waiters) {
        if (waiter.since > before) break;
        waiter.refuse(overloaded(`No connection became free within ${this.#waitMs / 1_000} s.`));
      }
      this.#watch();
    }, leftMs);
    this.#patience.unref();
  }
}

interface Choice<Kept> {
  readonly idle: Idle<Kept> | undefined;
}

function bestOf<Kept extends Keepable>(
  idle: ReadonlySet<Idle<Kept>>,
  { key, atHand }: Wish,
): Idle<Kept> | undefined {
  let coldest: Idle<Kept> | undefined;
  let warmest: Idle<Kept> | undefined;
  for (const one of idle) {
    if (one.kept.key !== key) continue;
    coldest ??= one;
    if (atHand === undefined || one.kept.atHand === atHand) warmest = one;
  }
  return warmest ?? coldest;
}

class Held<Kept extends Keepable> implements Place<Kept> {
  readonly found: Kept | undefined;
  #put: ((kept: Kept | undefined) => void) | undefined;

  constructor(found: Kept | undefined, put: (kept: Kept | undefined) => void) {
    this.found = found;
    this.#put = put;
  }

  keep(kept: Kept): void {
    this.#end(kept);
  }

  [Symbol.dispose](): void {
    this.#end(undefined);
  }

  #end(kept: Kept | undefined): void {
    const put = this.#put;
    this.#put = undefined;
    put?.(kept);
  }
}

function overloaded(message: string): OpenWorkersError {
  return new OpenWorkersError("OVERLOADED", message, {
    hint: "Send fewer queries at once, make them shorter, or raise the database's limit of connections.",
  });
}
