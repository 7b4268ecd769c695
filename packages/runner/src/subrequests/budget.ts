import { type Limits, OpenWorkersError, type RequestId } from "@openworkers/core";
import type { Span } from "../tracing/span.ts";
import { type Place, Places } from "./places.ts";

/** What the requests in one cell may still ask for. */
export interface SubrequestBudget {
  /**
   * Takes a place for a subrequest, after those that wait for one already.
   *
   * @param claimed the request that the cell says it is for; believed only when that one is in flight in this cell
   * @throws OpenWorkersError SUBREQUEST_LIMIT when the request has used up what it had; the signal's reason
   */
  enter(claimed: string | undefined, signal: AbortSignal): Promise<Place>;
  /**
   * Counts a subrequest whose place is somebody else's to give.
   *
   * @param claimed as of `enter`
   * @throws OpenWorkersError SUBREQUEST_LIMIT
   */
  spend(claimed: string | undefined): void;
  /**
   * Who asks: the request that the cell says, when that one is in flight in this cell, and when it says none the only
   * one that is. Undefined when it cannot be told.
   *
   * @param claimed as of `enter`
   */
  asker(claimed: string | undefined): Asker | undefined;
}

/** A request in flight. */
export interface Asker {
  /** Undefined when the request is not recorded. */
  readonly span: Span | undefined;
}

const done: Place = { [Symbol.dispose]() {} };

/** For a cell that serves no requests of the ingress: nothing is counted. */
export const unmetered: SubrequestBudget = {
  enter: async () => done,
  spend() {},
  asker: () => undefined,
};

/** One request's share, or the one for all work that goes on after its request has ended. */
class Account {
  /** How many subrequests may still be made. */
  left: number;
  /** A request that comes back to the cell by way of a service binding has the same id, and what is left. */
  holders = 1;
  readonly span: Span | undefined;
  readonly #places: Places;

  constructor(left: number, concurrency: number, span?: Span) {
    this.left = left;
    this.span = span;
    this.#places = new Places(concurrency);
  }

  spend(): void {
    this.left -= 1;
  }

  // What waits has been counted in `left` already: the line is never longer than that.
  enter(signal: AbortSignal): Promise<Place> {
    this.spend();
    return this.#places.take(signal);
  }
}

export type SubrequestLimits = Pick<Limits, "subrequests" | "subrequestConcurrency" | "concurrency">;

/**
 * Counts the subrequests of one cell's requests. Requests that have ended leave what they had over to the work that
 * they left running, which nothing tells apart any more.
 */
export class CellBudget implements SubrequestBudget {
  readonly #limits: SubrequestLimits;
  readonly #accounts = new Map<RequestId, Account>();
  readonly #afterwards: Account;

  constructor(limits: SubrequestLimits) {
    this.#limits = limits;
    this.#afterwards = new Account(0, limits.subrequestConcurrency);
  }

  /** A request has come into the cell. */
  open(id: RequestId, span?: Span): void {
    const again = this.#accounts.get(id);
    if (again !== undefined) again.holders += 1;
    else {
      const { subrequests, subrequestConcurrency } = this.#limits;
      this.#accounts.set(id, new Account(subrequests, subrequestConcurrency, span));
    }
  }

  /** The request has ended, or its client has left. */
  close(id: RequestId): void {
    const account = this.#accounts.get(id);
    if (account === undefined) return;
    account.holders -= 1;
    if (account.holders > 0) return;
    this.#accounts.delete(id);
    const most = this.#limits.subrequests * this.#limits.concurrency;
    this.#afterwards.left = Math.min(most, this.#afterwards.left + account.left);
  }

  /** The time for what requests left running is over. */
  lapse(): void {
    this.#afterwards.left = 0;
  }

  async enter(claimed: string | undefined, signal: AbortSignal): Promise<Place> {
    return this.#accountOf(claimed).enter(signal);
  }

  spend(claimed: string | undefined): void {
    this.#accountOf(claimed).spend();
  }

  asker(claimed: string | undefined): Asker | undefined {
    let asker = this.#accounts.get(claimed as RequestId);
    if (claimed === undefined && this.#accounts.size === 1) [asker] = this.#accounts.values();
    // Of two with the same id it cannot be told which one asks.
    return asker?.holders === 1 ? asker : undefined;
  }

  #accountOf(claimed: string | undefined): Account {
    const account = this.#accounts.get(claimed as RequestId) ?? this.#payer(claimed !== undefined);
    if (account === undefined || account.left <= 0) throw this.#exhausted();
    return account;
  }

  /** Who pays for what no request in flight answers for. */
  #payer(ended: boolean): Account | undefined {
    if (ended && this.#afterwards.left > 0) return this.#afterwards;
    let richest: Account | undefined;
    for (const account of this.#accounts.values()) {
      if (richest === undefined || account.left > richest.left) richest = account;
    }
    return richest !== undefined && richest.left > 0 ? richest : this.#afterwards;
  }

  #exhausted(): OpenWorkersError {
    const { subrequests } = this.#limits;
    return new OpenWorkersError(
      "SUBREQUEST_LIMIT",
      `Too many subrequests: a request may make ${subrequests} (limits.subrequests).`,
      { details: { limit: "subrequests", subrequests } },
    );
  }
}
