/** Events that begin before anything else in this process has its turn. */
const atOnce = 64;

/**
 * Where events wait for their time. Many are due in the same second, as every `* * * * *` is: one timer is for all of a time,
 * and they begin one after another, so many at once that requests in between do not wait for long.
 */
export class DueTimes implements Disposable {
  readonly #waiting = new Map<number, { readonly timer: Timer; readonly begin: (() => void)[] }>();
  #due: (() => void)[] = [];
  #allBegun: PromiseWithResolvers<void> | undefined;
  #stopped = false;

  /** Resolves at `time` (Unix milliseconds, by this machine's clock), or when this is disposed of. */
  until(time: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const same = this.#waiting.get(time);
    if (this.#stopped) resolve();
    else if (same !== undefined) same.begin.push(resolve);
    else {
      const timer = setTimeout(() => this.#come(time), time - Date.now());
      this.#waiting.set(time, { timer, begin: [resolve] });
    }
    return promise;
  }

  /** Resolves once all whose time has come have begun. */
  begun(): Promise<void> {
    return this.#allBegun?.promise ?? Promise.resolve();
  }

  /** Ends all waiting. */
  [Symbol.dispose](): void {
    this.#stopped = true;
    for (const [time, { timer }] of this.#waiting) {
      clearTimeout(timer);
      this.#come(time);
    }
  }

  #come(time: number): void {
    this.#due = this.#due.concat(this.#waiting.get(time)?.begin ?? []);
    this.#waiting.delete(time);
    if (this.#allBegun !== undefined) return;
    this.#allBegun = Promise.withResolvers();
    this.#beginSome();
  }

  #beginSome(): void {
    if (this.#due.length === 0) {
      this.#allBegun?.resolve();
      this.#allBegun = undefined;
      return;
    }
    for (const begin of this.#due.splice(0, this.#stopped ? this.#due.length : atOnce)) begin();
    setImmediate(() => this.#beginSome());
  }
}
