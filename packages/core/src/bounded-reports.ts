/** What an operator should read. Never throws. */
export type Report = (message: string, details: Record<string, unknown>) => void;

/** Reports of one kind about one subject within a minute that are passed on. */
export const maxReports = 10;

/** What a report may name as its subject, the most exact first. Nothing that strangers can make up: addresses are not. */
const subjects = ["who", "worker", "database"] as const;

/** Kinds of reports told apart within a minute; what is more counts as one kind, so that nobody makes up new ones. */
const maxKinds = 1_000;

interface Kind {
  readonly details: Record<string, unknown>;
  told: number;
  dropped: number;
}

/**
 * Keeps the operator's log readable, and its disk from filling: some reports can be caused as often as somebody likes.
 * Of those with the same message about the same subject (`who`, `worker` or `database` of the details) the first ten of a
 * minute are passed on. When the minute is over, one line says how many were not.
 */
export class BoundedReports implements Disposable {
  readonly #report: Report;
  readonly #kinds = new Map<string, Kind>();
  readonly #everyMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param everyMs how long a minute is */
  constructor(report: Report, everyMs = 60_000) {
    this.#report = report;
    this.#everyMs = everyMs;
  }

  readonly report: Report = (message, details) => {
    const kind = this.#kindOf(message, details);
    if (kind.told < maxReports) {
      kind.told += 1;
      this.#report(message, details);
    } else kind.dropped += 1;
    this.#timer ??= setTimeout(() => this.#sum(), this.#everyMs);
  };

  /** Says how much was dropped so far. */
  [Symbol.dispose](): void {
    this.#sum();
  }

  #kindOf(message: string, details: Record<string, unknown>): Kind {
    const by = subjects.find((name) => typeof details[name] === "string");
    const name = `${message}\n${by === undefined ? "" : `${by} ${details[by]}`}`;
    const key = this.#kinds.has(name) || this.#kinds.size < maxKinds ? name : "";
    let kind = this.#kinds.get(key);
    if (kind === undefined) {
      const shared = key === "" ? {} : { of: message, ...(by === undefined ? {} : { [by]: details[by] }) };
      kind = { details: shared, told: 0, dropped: 0 };
      this.#kinds.set(key, kind);
    }
    return kind;
  }

  #sum(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const kinds = [...this.#kinds.values()];
    this.#kinds.clear();
    for (const { details, dropped } of kinds) {
      if (dropped > 0) this.#report("Reports like others were left out.", { ...details, dropped });
    }
  }
}
