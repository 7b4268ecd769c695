/**
 * Items in line by key; each key's come out in their order, and keys take turns. So who has a thousand in line delays
 * who has one by one item.
 */
export class FairQueue<Item> {
  readonly #lines = new Map<string, Item[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(key: string, item: Item): void {
    const line = this.#lines.get(key);
    if (line === undefined) this.#lines.set(key, [item]);
    else line.push(item);
    this.#size += 1;
  }

  /** Takes items, one of each key in turn, until `enough` says so of those taken; at least one if there is any. */
  take(enough: (last: Item) => boolean): Item[] {
    const taken: Item[] = [];
    while (this.#lines.size > 0) {
      for (const [key, line] of this.#lines) {
        const item = line.shift();
        // To the end of the round, or out of it.
        this.#lines.delete(key);
        if (line.length > 0) this.#lines.set(key, line);
        if (item === undefined) continue;
        this.#size -= 1;
        taken.push(item);
        if (enough(item)) return taken;
      }
    }
    return taken;
  }
}
