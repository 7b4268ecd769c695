import { messageOf, type Report } from "@openworkers/core";
import type { Journal } from "./journal.ts";
import type { LocalStream } from "./stream.ts";

const longestMs = 1_000;
const shortestMs = 50;
const idsAtOnce = 1_000;
const pagesAtOnce = 256;

/** Removes what has come of age, forgets ids, and gives the space back to the disk, a little at a time. */
export class Sweeper implements Disposable {
  readonly #journal: Journal;
  readonly #streams: () => Iterable<LocalStream>;
  readonly #report: Report;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #disposed = false;

  constructor(journal: Journal, streams: () => Iterable<LocalStream>, report: Report) {
    this.#journal = journal;
    this.#streams = streams;
    this.#report = report;
    this.#schedule();
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
  }

  // As exact as a quarter of the shortest age.
  #schedule(): void {
    if (this.#disposed) return;
    const ages = [...this.#streams()].map(({ definition }) => definition.maxAgeMs / 4);
    this.#timer = setTimeout(() => void this.#sweep(), Math.max(shortestMs, Math.min(longestMs, ...ages)));
    this.#timer.unref();
  }

  async #sweep(): Promise<void> {
    try {
      for (const stream of this.#streams()) while (!this.#disposed && (await stream.expire()));
      while (!this.#disposed && (await this.#forgetIds()));
      if (!this.#disposed) await this.#giveBack();
    } catch (thrown) {
      this.#report("The bus could not remove what has come of age.", { error: messageOf(thrown) });
    }
    this.#schedule();
  }

  async #forgetIds(): Promise<boolean> {
    const { database } = this.#journal;
    const now = Date.now();
    const first = database.query<{ until: number }, []>("select until from ids order by until limit 1").get();
    if (first === null || first.until > now) return false;
    const { changes } = await this.#journal.write(() =>
      database
        .query(
          `delete from ids where (stream, id) in
             (select stream, id from ids where until <= ?1 order by until limit ${idsAtOnce})`,
        )
        .run(now),
    );
    return changes === idsAtOnce;
  }

  // Some free pages are kept, for what comes next.
  async #giveBack(): Promise<void> {
    const { database } = this.#journal;
    const free =
      database.query<{ freelist_count: number }, []>("pragma freelist_count").get()?.freelist_count ?? 0;
    if (free < 16 * pagesAtOnce) return;
    await this.#journal.write(() => {
      database.query(`pragma incremental_vacuum(${pagesAtOnce})`).all();
    });
  }
}
