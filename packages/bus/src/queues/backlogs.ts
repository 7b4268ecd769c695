interface Counted {
  readonly count: Promise<number>;
  readonly until: number;
  added: number;
}

/**
 * Numbers of what waits somewhere, by key: asked for again when they are old, and counted on in between. Others add to
 * it as well, so what they are compared with is passed by what all add meanwhile.
 */
export class Backlogs<Key> {
  readonly #counts = new Map<Key, Counted>();
  readonly #freshMs: number;
  readonly #ask: (key: Key) => Promise<number>;

  constructor(freshMs: number, ask: (key: Key) => Promise<number>) {
    this.#freshMs = freshMs;
    this.#ask = ask;
  }

  /** How many there are. Rejects as `ask` does. */
  async of(key: Key): Promise<number> {
    const counted = this.#fresh(key);
    return (await counted.count) + counted.added;
  }

  /** How many there are once `more` have come. Rejects as `ask` does. */
  async add(key: Key, more: number): Promise<number> {
    const counted = this.#fresh(key);
    counted.added += more;
    // Not those that come while it is counted: all of them would be refused for the sake of the last.
    const { added } = counted;
    return (await counted.count) + added;
  }

  #fresh(key: Key): Counted {
    const now = Date.now();
    const known = this.#counts.get(key);
    if (known !== undefined && known.until > now) return known;
    // The oldest come first: one that was asked for again has gone to the end.
    for (const [old, { until }] of this.#counts) {
      if (until > now) break;
      this.#counts.delete(old);
    }
    const asked: Counted = { count: this.#ask(key), until: now + this.#freshMs, added: 0 };
    this.#counts.set(key, asked);
    asked.count.catch(() => {
      if (this.#counts.get(key) === asked) this.#counts.delete(key);
    });
    return asked;
  }
}
