import type { Consumption } from "./bus.ts";

/** What a bus delivers to, so that it can end all of it. */
export class Consumptions implements AsyncDisposable {
  readonly #all = new Set<Consumption>();

  /** What the consumer's owner gets: disposing of it ends the consumption, which is forgotten then. */
  keep(consumption: Consumption): Consumption {
    this.#all.add(consumption);
    const all = this.#all;
    return {
      get handling() {
        return consumption.handling;
      },
      async [Symbol.asyncDispose]() {
        await consumption[Symbol.asyncDispose]();
        all.delete(consumption);
      },
    };
  }

  /** Ends all of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#all].map((consumption) => consumption[Symbol.asyncDispose]()));
  }
}
