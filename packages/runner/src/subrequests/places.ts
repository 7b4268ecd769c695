/** A place that is taken. Disposing passes it to the next in line; once, however often it is done. */
export interface Place extends Disposable {}

/** A number of places, and the line of those who wait for one, first come first served. The line has no end of its own. */
export class Places {
  readonly #count: number;
  readonly #line = new Set<() => void>();
  #taken = 0;

  constructor(count: number) {
    this.#count = count;
  }

  /** @throws the signal's reason */
  async take(signal: AbortSignal): Promise<Place> {
    if (this.#taken >= this.#count) await this.#wait(signal);
    else this.#taken += 1;
    let released = false;
    return {
      [Symbol.dispose]: () => {
        if (released) return;
        released = true;
        this.#leave();
      },
    };
  }

  #wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#line.delete(serve);
        reject(signal.reason);
      };
      const serve = () => {
        signal.removeEventListener("abort", abort);
        resolve();
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#line.add(serve);
    });
  }

  #leave(): void {
    for (const next of this.#line) {
      this.#line.delete(next);
      // The place passes on: as many are taken as before.
      next();
      return;
    }
    this.#taken -= 1;
  }
}
