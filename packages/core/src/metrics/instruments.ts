import { type Labels, numberText, sampleLine } from "./text.ts";

/** A number that only grows. */
export class Counter {
  #value = 0;

  add(amount = 1): void {
    this.#value += amount;
  }

  text(name: string, labels: Labels): string {
    return sampleLine(name, labels, this.#value);
  }
}

/** How often a value lay below each of some bounds. */
export class Histogram {
  readonly #bounds: readonly number[];
  /** One for each bound, and one for what is above them all. */
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds rising */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = [...bounds, 0].map(() => 0);
  }

  observe(value: number): void {
    let at = 0;
    while (at < this.#bounds.length && value > (this.#bounds[at] ?? 0)) at += 1;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
  }

  text(name: string, labels: Labels): string {
    let text = "";
    let count = 0;
    for (const [at, bound] of [...this.#bounds, Number.POSITIVE_INFINITY].entries()) {
      count += this.#counts[at] ?? 0;
      text += sampleLine(`${name}_bucket`, { ...labels, le: numberText(bound) }, count);
    }
    return text + sampleLine(`${name}_sum`, labels, this.#sum) + sampleLine(`${name}_count`, labels, count);
  }
}
