import { signal } from "@angular/core";

/** Something that was run. */
export interface Entry {
  readonly sql: string;
  /** Unix milliseconds. */
  readonly at: number;
  /** Of its statements together; undefined when it failed. */
  readonly durationMs?: number;
  readonly failure?: string;
}

const most = 100;
const mostCharacters = 20_000;

/** What was run on a database from this browser, the last first, and the text that was in the editor. */
export class History {
  readonly entries = signal<readonly Entry[]>([]);
  readonly #key: string;

  /** @param database its id: a name may be another's tomorrow */
  constructor(database: string) {
    this.#key = `ow-sql-${database}`;
    this.entries.set(read<readonly Entry[]>(`${this.#key}-history`) ?? []);
  }

  get draft(): string | undefined {
    return read<string>(`${this.#key}-draft`);
  }

  keepDraft(sql: string): void {
    write(`${this.#key}-draft`, sql);
  }

  /** The same text again moves up. */
  add(entry: Entry): void {
    if (entry.sql.length > mostCharacters) return;
    this.entries.update((all) => [entry, ...all.filter(({ sql }) => sql !== entry.sql)].slice(0, most));
    write(`${this.#key}-history`, this.entries());
  }

  clear(): void {
    this.entries.set([]);
    write(`${this.#key}-history`, []);
  }
}

function read<Value>(key: string): Value | undefined {
  try {
    return (JSON.parse(localStorage.getItem(key) ?? "null") as Value | null) ?? undefined;
  } catch {
    // Written by something else: as good as nothing.
    return undefined;
  }
}

function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // The browser has no room, or keeps nothing: the console works without.
  }
}
