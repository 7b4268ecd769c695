import { isWildcard, matches } from "../subjects.ts";

/** Consumers by name, and by what they want: a queue each makes many, and a message is for one or two of them. */
export class ConsumerSet<T extends { readonly name: string; readonly subject: string }> {
  readonly #byName = new Map<string, T>();
  readonly #bySubject = new Map<string, Set<T>>();
  readonly #wildcards = new Set<string>();

  add(consumer: T): void {
    this.#byName.set(consumer.name, consumer);
    const same = this.#bySubject.get(consumer.subject) ?? new Set();
    this.#bySubject.set(consumer.subject, same.add(consumer));
    if (isWildcard(consumer.subject)) this.#wildcards.add(consumer.subject);
  }

  get(name: string): T | undefined {
    return this.#byName.get(name);
  }

  delete(name: string): void {
    const consumer = this.#byName.get(name);
    if (consumer === undefined) return;
    this.#byName.delete(name);
    const same = this.#bySubject.get(consumer.subject);
    same?.delete(consumer);
    if (same?.size !== 0) return;
    this.#bySubject.delete(consumer.subject);
    this.#wildcards.delete(consumer.subject);
  }

  values(): Iterable<T> {
    return this.#byName.values();
  }

  /** Those who want a message on one of the subjects. */
  wanting(subjects: Iterable<string>): Set<T> {
    const found = new Set<T>();
    for (const subject of subjects) {
      const filters = [subject, ...[...this.#wildcards].filter((filter) => matches(filter, subject))];
      for (const filter of filters) for (const one of this.#bySubject.get(filter) ?? []) found.add(one);
    }
    return found;
  }
}
