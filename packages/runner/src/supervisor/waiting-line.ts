import { OpenWorkersError } from "@openworkers/core";

interface Waiter<T, Who> {
  readonly who: Who;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
  readonly stopWaiting: () => void;
}

/** Requests that wait for a place: first come, first served, bounded in number and in time. */
export class WaitingLine<T, Who = void> {
  readonly #waiters = new Set<Waiter<T, Who>>();
  readonly #length: number;
  readonly #deadlineMs: number;

  constructor(length: number, deadlineMs: number) {
    this.#length = length;
    this.#deadlineMs = deadlineMs;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /**
   * Settles when somebody passes a place on.
   *
   * @throws OpenWorkersError OVERLOADED when the line is full or the deadline passes; the signal's reason when
   * it is aborted.
   */
  wait(signal: AbortSignal, who: Who): Promise<T> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#waiters.size >= this.#length) {
      return Promise.reject(
        new OpenWorkersError("OVERLOADED", `${this.#waiters.size} requests already wait for this worker.`, {
          hint: "Try again shortly.",
        }),
      );
    }
    return new Promise<T>((resolve, reject) => {
      const leave = (error: unknown): void => {
        this.#waiters.delete(waiter);
        waiter.stopWaiting();
        reject(error);
      };
      const onAbort = (): void => leave(signal.reason);
      const timer = setTimeout(() => {
        leave(
          new OpenWorkersError("OVERLOADED", `No place became free within ${this.#deadlineMs} ms.`, {
            hint: "Try again shortly.",
          }),
        );
      }, this.#deadlineMs);
      const waiter: Waiter<T, Who> = {
        who,
        resolve,
        reject,
        stopWaiting: () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", onAbort);
        },
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiters.add(waiter);
    });
  }

  /** Serves the first in line with what `make` returns for it; false when nobody waits. */
  serve(make: (who: Who) => T): boolean {
    const first = this.#take();
    if (first === undefined) return false;
    try {
      first.resolve(make(first.who));
    } catch (error) {
      first.reject(error);
    }
    return true;
  }

  /** Sends everybody away. */
  refuse(error: unknown): void {
    for (let waiter = this.#take(); waiter !== undefined; waiter = this.#take()) waiter.reject(error);
  }

  #take(): Waiter<T, Who> | undefined {
    for (const waiter of this.#waiters) {
      this.#waiters.delete(waiter);
      waiter.stopWaiting();
      return waiter;
    }
    return undefined;
  }
}
