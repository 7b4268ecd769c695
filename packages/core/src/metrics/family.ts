import type { Labels } from "./text.ts";

/** Children of one metric: what is more is counted under `other`, so that nobody makes up series without end. */
const maxChildren = 1_000;

const other = "other";

/** The children of one metric, by the values of its labels. */
export class Family<Child> {
  readonly #names: readonly string[];
  readonly #make: () => Child;
  readonly #children = new Map<string, { readonly labels: Labels; readonly child: Child }>();

  constructor(names: readonly string[], make: () => Child) {
    this.#names = names;
    this.#make = make;
  }

  /** The child with these values, in the order of the labels' names. Who is in a hurry keeps it. */
  of(...values: readonly string[]): Child {
    const key = values.join("\0");
    const known = this.#children.get(key);
    if (known !== undefined) return known.child;
    const full = this.#children.size >= maxChildren && values.some((value) => value !== other);
    if (full) return this.of(...values.map(() => other));
    const labels = Object.fromEntries(this.#names.map((name, at) => [name, values[at] ?? ""]));
    const child = this.#make();
    this.#children.set(key, { labels, child });
    return child;
  }

  all(): Iterable<{ readonly labels: Labels; readonly child: Child }> {
    return this.#children.values();
  }
}
