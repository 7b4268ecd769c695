/** Addresses remembered; whoever failed longest ago is forgotten first. */
const remembered = 10_000;
const forgottenMs = 10 * 60_000;
const firstDelayMs = 100;
const longestDelayMs = 5_000;
const maxDelayedPerAddress = 20;

/** How often logins from an address failed, and what that costs it: the answer to each further failure comes later. */
export class FailedLogins {
  readonly #addresses = new Map<string, { failures: number; delayed: number; lastMs: number }>();

  /** How long the answer to one more failure is to be kept back, in milliseconds; none to the first three. */
  fail(address: string, nowMs = performance.now()): number {
    const known = this.#addresses.get(address);
    const forgotten = known === undefined || (nowMs - known.lastMs > forgottenMs && known.delayed === 0);
    const entry = forgotten ? { failures: 0, delayed: 0, lastMs: nowMs } : known;
    entry.failures++;
    entry.lastMs = nowMs;
    this.#addresses.delete(address);
    this.#addresses.set(address, entry);
    const [oldest] = this.#addresses.keys();
    if (this.#addresses.size > remembered && oldest !== undefined) this.#addresses.delete(oldest);
    return entry.failures <= 3 ? 0 : Math.min(firstDelayMs * 2 ** (entry.failures - 4), longestDelayMs);
  }

  /** Whether so many failures of the address are kept back that no further attempt is even looked at. */
  blocked(address: string): boolean {
    return (this.#addresses.get(address)?.delayed ?? 0) >= maxDelayedPerAddress;
  }

  /** Counts an answer that is kept back, until it is disposed of. */
  keepBack(address: string): Disposable {
    const entry = this.#addresses.get(address);
    if (entry !== undefined) entry.delayed++;
    return { [Symbol.dispose]: () => void (entry !== undefined && entry.delayed--) };
  }
}
