import type { CpuCredit } from "./cpu-credit.ts";

/** What a request owes and when it came; the ledger's entry for it. */
export interface CpuAccount {
  /** Runner clock (`performance.now()`), milliseconds. */
  readonly since: number;
  /** CPU charged so far, in milliseconds. */
  cpuMs: number;
  /** CPU the request may use on top of its limit: earned by the bytes it moved, or paid by its cell. */
  creditMs: number;
}

/**
 * Shares the CPU time of one cell among its requests.
 *
 * A cell's isolate is single-threaded, so between two moments its CPU time belongs to the requests that were
 * in flight; which of them used it cannot be seen from outside. Each interval is shared in proportion to
 * `1 / (age + 1 ms)`: what burns now is most likely what came last, and a stream that has been open for an
 * hour is not billed for its short-lived neighbours. With one request in flight the bill is exact.
 *
 * What the cell has earned pays first: of an interval's CPU only the rest counts against limits. The part that is
 * paid stands on the bills as well, with as much credit beside it, so that they go on saying what was used.
 */
export class CpuLedger {
  readonly #accounts = new Set<CpuAccount>();
  readonly #credit: Pick<CpuCredit, "pay">;
  #cpuMs: number;
  #at: number;
  /** CPU used and not paid for with no request in flight since there last was one: `waitUntil`, timers, garbage collection. */
  #backgroundMs = 0;
  /** What the requests that ended have left of their budgets; background work may use it. */
  #backgroundBudgetMs = 0;

  constructor(cpuMs: number, now: number, credit: Pick<CpuCredit, "pay">) {
    this.#credit = credit;
    this.#cpuMs = cpuMs;
    this.#at = now;
  }

  get inFlight(): number {
    return this.#accounts.size;
  }

  get backgroundMs(): number {
    return this.#backgroundMs;
  }

  get backgroundBudgetMs(): number {
    return this.#backgroundBudgetMs;
  }

  accounts(): Iterable<CpuAccount> {
    return this.#accounts;
  }

  open(now: number, cpuMs: number): CpuAccount {
    this.charge(now, cpuMs);
    if (this.#accounts.size === 0) {
      this.#backgroundMs = 0;
    }
    const account: CpuAccount = { since: now, cpuMs: 0, creditMs: 0 };
    this.#accounts.add(account);
    return account;
  }

  close(account: CpuAccount, now: number, cpuMs: number, limitMs: number): void {
    this.charge(now, cpuMs);
    if (!this.#accounts.delete(account)) return;
    // Bounded: background work of very many requests is one cell's, and one core's, at most.
    const cap = limitMs * 64;
    const left = Math.max(0, limitMs - account.cpuMs);
    this.#backgroundBudgetMs = Math.min(cap, this.#backgroundBudgetMs + left);
  }

  /** Budgets that ended requests left behind lapse after `waitUntil`'s own limit. */
  lapseBackground(limitMs: number): void {
    this.#backgroundBudgetMs = Math.min(this.#backgroundBudgetMs, limitMs);
  }

  /** Brings every account up to `cpuMs`, the cell's CPU clock at `now`. */
  charge(now: number, cpuMs: number): void {
    const used = Math.max(0, cpuMs - this.#cpuMs);
    const paid = this.#credit.pay(used);
    if (used > 0) {
      if (this.#accounts.size === 0) this.#backgroundMs += used - paid;
      else this.#share(used, paid, now);
      this.#cpuMs = cpuMs;
    }
    this.#at = now;
  }

  #share(used: number, paid: number, now: number): void {
    if (this.#accounts.size === 1) {
      for (const account of this.#accounts) {
        account.cpuMs += used;
        account.creditMs += paid;
      }
      return;
    }
    // Ages at the middle of the interval: its end would make a request that came at its start look old.
    const middle = (now + this.#at) / 2;
    let total = 0;
    for (const account of this.#accounts) total += weight(account, middle);
    for (const account of this.#accounts) {
      const part = weight(account, middle) / total;
      account.cpuMs += used * part;
      account.creditMs += paid * part;
    }
  }
}

function weight(account: CpuAccount, now: number): number {
  return 1 / (Math.max(0, now - account.since) + 1);
}
