import type { Database } from "bun:sqlite";
import type { StoredMessage } from "../bus.ts";
import { isWildcard } from "../subjects.ts";
import { streamKeys } from "./schema.ts";

interface Row {
  key: number;
  subject: string;
  id: string;
  time: number;
  payload: Uint8Array;
}

/** Rows that are looked at for one read: what a filter leaves out costs time, too, and the event loop waits. */
const windowRows = 5_000;

/** A part of what a reader asked for: it goes on after `scannedTo`. */
export interface Scan {
  readonly messages: StoredMessage[];
  /** Everything up to here that was asked for is in `messages`. */
  readonly scannedTo: number;
}

/** One stream's rows. Reads and writes at once; writes belong into a journal's transaction. */
export class MessageStore {
  readonly #first: number;
  readonly #last: number;
  readonly #whole: string;
  readonly #statements: ReturnType<typeof prepare>;

  /** @param whole the stream's own subject, which needs no filter */
  constructor(database: Database, number: number, whole: string) {
    this.#first = number * streamKeys;
    this.#last = this.#first + streamKeys - 1;
    this.#whole = whole;
    this.#statements = prepare(database);
  }

  insert(message: StoredMessage): void {
    this.#statements.insert.run(
      this.#first + message.seq,
      message.subject,
      message.id,
      message.time,
      message.payload,
    );
  }

  /** What was removed, or undefined when it is not there. */
  remove(seq: number): { subject: string; bytes: number } | undefined {
    return this.#statements.remove.get(this.#first + seq) ?? undefined;
  }

  get(seq: number): StoredMessage | undefined {
    const row = this.#statements.get.get(this.#first + seq);
    return row === null ? undefined : this.#message(row);
  }

  /** Position and time of the oldest. */
  oldest(): { seq: number; time: number } | undefined {
    const row = this.#statements.oldest.get(this.#first, this.#last);
    return row === null ? undefined : { seq: row.key - this.#first, time: row.time };
  }

  /** Up to `limit` messages on `filter` between the positions, both excluded. */
  scan(filter: string, after: number, before: number, limit: number): Scan {
    const from = this.#first + after;
    const to = this.#first + before;
    let rows: Row[];
    let end = before - 1;
    if (filter === this.#whole) rows = this.#statements.all.all(from, to, limit);
    else if (!isWildcard(filter)) rows = this.#statements.one.all(filter, from, to, limit);
    else {
      // Positions without a message cost nothing, so the window is counted in rows.
      const edge = this.#statements.edge.get(from, to, windowRows)?.key;
      if (edge !== undefined) end = edge - this.#first;
      const prefix = filter.slice(0, -1);
      rows = this.#statements.some.all(from, this.#first + end + 1, prefix, afterPrefix(prefix), limit);
    }
    const messages = rows.map((row) => this.#message(row));
    const last = messages.at(-1);
    return { messages, scannedTo: messages.length === limit && last !== undefined ? last.seq : end };
  }

  /** Positions of up to `limit` messages on `filter` up to `last`, the oldest first. */
  positions(filter: string, last: number, limit: number): number[] {
    const to = this.#first + last;
    const prefix = filter.slice(0, -1);
    const rows = isWildcard(filter)
      ? this.#statements.keysOfSome.all(this.#first, to, prefix, afterPrefix(prefix), limit)
      : this.#statements.keysOfOne.all(filter, this.#first, to, limit);
    return rows.map(({ key }) => key - this.#first);
  }

  /** Positions of the messages on `subject` beyond the newest `keep`, at most 100. */
  surplus(subject: string, keep: number): number[] {
    return this.#statements.surplus.all(subject, keep).map(({ key }) => key - this.#first);
  }

  /** How many messages on `filter` come after the position. */
  countAfter(filter: string, after: number): number {
    const from = this.#first + after;
    const prefix = filter.slice(0, -1);
    const row =
      filter === this.#whole
        ? this.#statements.countAll.get(from, this.#last)
        : isWildcard(filter)
          ? this.#statements.countSome.get(from, this.#last, prefix, afterPrefix(prefix))
          : this.#statements.countOne.get(filter, from, this.#last);
    return row?.count ?? 0;
  }

  #message({ key, subject, id, time, payload }: Row): StoredMessage {
    return { subject, seq: key - this.#first, time, id, payload };
  }
}

// The first string that no longer begins so: "." is followed by "/".
const afterPrefix = (prefix: string) => `${prefix.slice(0, -1)}/`;

type Keys = { key: number };
type Count = { count: number };

// A unary plus keeps SQLite from using the index on the subject, whose order is another.
function prepare(database: Database) {
  const columns = "key, subject, id, time, payload";
  const within = "key > ?1 and key < ?2";
  const prefixed = "+subject >= ?3 and +subject < ?4";
  return {
    insert: database.query<null, [number, string, string, number, Uint8Array]>(
      `insert into messages (${columns}) values (?, ?, ?, ?, ?)`,
    ),
    remove: database.query<{ subject: string; bytes: number }, [number]>(
      "delete from messages where key = ? returning subject, length(payload) + length(subject) + length(id) as bytes",
    ),
    get: database.query<Row, [number]>(`select ${columns} from messages where key = ?`),
    oldest: database.query<{ key: number; time: number }, [number, number]>(
      `select key, time from messages where ${within} order by key limit 1`,
    ),
    all: database.query<Row, [number, number, number]>(
      `select ${columns} from messages where ${within} order by key limit ?3`,
    ),
    one: database.query<Row, [string, number, number, number]>(
      `select ${columns} from messages where subject = ?1 and key > ?2 and key < ?3 order by key limit ?4`,
    ),
    some: database.query<Row, [number, number, string, string, number]>(
      `select ${columns} from messages where ${within} and ${prefixed} order by key limit ?5`,
    ),
    edge: database.query<Keys, [number, number, number]>(
      `select key from messages where ${within} order by key limit 1 offset ?3`,
    ),
    keysOfOne: database.query<Keys, [string, number, number, number]>(
      "select key from messages where subject = ?1 and key > ?2 and key <= ?3 order by key limit ?4",
    ),
    keysOfSome: database.query<Keys, [number, number, string, string, number]>(
      "select key from messages where key > ?1 and key <= ?2 and subject >= ?3 and subject < ?4 limit ?5",
    ),
    surplus: database.query<Keys, [string, number]>(
      "select key from messages where subject = ?1 order by key desc limit 100 offset ?2",
    ),
    countAll: database.query<Count, [number, number]>(
      `select count(*) as count from messages where ${within}`,
    ),
    countOne: database.query<Count, [string, number, number]>(
      "select count(*) as count from messages where subject = ?1 and key > ?2 and key < ?3",
    ),
    countSome: database.query<Count, [number, number, string, string]>(
      `select count(*) as count from messages where ${within} and subject >= ?3 and subject < ?4`,
    ),
  };
}
