import { OpenWorkersError } from "@openworkers/core";

/**
 * How many requests hash passwords at a time. A hash keeps the cell's one thread for a quarter of a second, and each request
 * has a connection meanwhile, which the API needs as well: a flood of sign-ins is refused before it has either.
 */
export class Places {
  readonly #most: number;
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** A place until it is disposed of. @throws OpenWorkersError OVERLOADED when there is none */
  take(): Disposable {
    if (this.#taken >= this.#most) {
      throw new OpenWorkersError("OVERLOADED", "Too many people sign in at this moment.", {
        hint: "Try again in some seconds.",
        details: { retryAfterSeconds: 2 },
      });
    }
    this.#taken++;
    let left = false;
    return {
      [Symbol.dispose]: () => {
        if (!left) this.#taken--;
        left = true;
      },
    };
  }
}
