import { OpenWorkersError } from "@openworkers/core";

export interface PlaceLimits {
  /** In all. */
  readonly places: number;
  /** Of one caller. */
  readonly perCaller: number;
  /** Who waits, in all. */
  readonly waiting: number;
  readonly patienceMs: number;
}

interface Waiting {
  readonly caller: string;
  readonly enter: () => void;
}

/** Places for sessions. Who waits is let in by turns: a caller with many behind one with few. */
export class FairPlaces {
  readonly #limits: PlaceLimits;
  readonly #taken = new Map<string, number>();
  #waiting: Waiting[] = [];
  #count = 0;

  constructor(limits: PlaceLimits) {
    this.#limits = limits;
  }

  /** A place until it is disposed of. @throws OpenWorkersError OVERLOADED; what `signal` aborted with */
  async enter(caller: string, signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    const { places, waiting, patienceMs } = this.#limits;
    if (this.#waiting.length === 0 && this.#mayEnter(caller)) return this.#place(caller);
    if (this.#waiting.length >= waiting) throw overloaded(places);
    const { promise, resolve, reject } = Promise.withResolvers<Disposable>();
    const mine: Waiting = { caller, enter: () => resolve(this.#place(caller)) };
    const leave = (reason: unknown) => {
      this.#waiting = this.#waiting.filter((other) => other !== mine);
      reject(reason);
    };
    const timer = setTimeout(() => leave(overloaded(places)), patienceMs);
    const abort = () => leave(signal.reason);
    signal.addEventListener("abort", abort);
    this.#waiting.push(mine);
    this.#next();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  #mayEnter(caller: string): boolean {
    return this.#count < this.#limits.places && this.#of(caller) < this.#limits.perCaller;
  }

  #of(caller: string): number {
    return this.#taken.get(caller) ?? 0;
  }

  #place(caller: string): Disposable {
    this.#count++;
    this.#taken.set(caller, this.#of(caller) + 1);
    let left = false;
    return {
      [Symbol.dispose]: () => {
        if (left) return;
        left = true;
        this.#count--;
        const rest = this.#of(caller) - 1;
        if (rest === 0) this.#taken.delete(caller);
        else this.#taken.set(caller, rest);
        this.#next();
      },
    };
  }

  /** Lets in whoever has the fewest places, and of these who came first. */
  #next(): void {
    for (;;) {
      const [first] = this.#waiting
        .filter(({ caller }) => this.#mayEnter(caller))
        .sort((one, other) => this.#of(one.caller) - this.#of(other.caller));
      if (first === undefined) return;
      this.#waiting = this.#waiting.filter((other) => other !== first);
      first.enter();
    }
  }
}

function overloaded(places: number): OpenWorkersError {
  return new OpenWorkersError("OVERLOADED", `All ${places} places for the API's transactions are taken.`, {
    hint: "Try again in a moment.",
  });
}
