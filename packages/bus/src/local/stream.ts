import type { Database } from "bun:sqlite";
import { OpenWorkersError } from "@openworkers/core";
import type { Published, StoredMessage, StreamDefinition, StreamState } from "../bus.ts";
import { checkSize } from "../checks.ts";
import type { LocalConsumer } from "./consumer.ts";
import { ConsumerSet } from "./consumer-set.ts";
import type { Durability, Journal } from "./journal.ts";
import { MessageStore } from "./message-store.ts";

/** What is removed in one go, so that the event loop goes on. */
const removedAtOnce = 250;

interface StreamRow {
  number: number;
  name: string;
  definition: string;
  created_at: number;
  last_seq: number;
  messages: number;
  bytes: number;
}

/** A stream of the local bus. */
export class LocalStream {
  readonly number: number;
  readonly createdAt: number;
  readonly store: MessageStore;
  readonly consumers = new ConsumerSet<LocalConsumer>();
  definition: StreamDefinition;
  readonly #database: Database;
  readonly #journal: Journal;
  readonly #followers = new Set<() => void>();
  #lastSeq = 0;
  #messages = 0;
  #bytes = 0;
  #changed = false;
  #published = new Set<string>();

  private constructor(journal: Journal, row: StreamRow, definition: StreamDefinition) {
    this.#database = journal.database;
    this.#journal = journal;
    this.number = row.number;
    this.createdAt = row.created_at;
    this.definition = definition;
    this.store = new MessageStore(journal.database, row.number, definition.subject);
    this.reload();
  }

  /** The streams that are stored. */
  static all(journal: Journal): LocalStream[] {
    return journal.database
      .query<StreamRow, []>("select * from streams order by number")
      .all()
      .map((row) => new LocalStream(journal, row, JSON.parse(row.definition)));
  }

  /** Makes one; belongs into a transaction. */
  static create(journal: Journal, definition: StreamDefinition): LocalStream {
    const row = journal.database
      .query<StreamRow, [string, string, number]>(
        `insert into streams (name, definition, created_at, last_seq, messages, bytes)
           values (?, ?, ?, 0, 0, 0) returning *`,
      )
      .get(definition.name, JSON.stringify(definition), Date.now());
    if (row === null) throw new OpenWorkersError("INTERNAL", "SQLite did not return the row it inserted.");
    return new LocalStream(journal, row, definition);
  }

  /** Brings the limits up to date; belongs into a transaction. */
  redefine(definition: StreamDefinition): void {
    if (
      definition.subject !== this.definition.subject ||
      definition.retention !== this.definition.retention
    ) {
      throw new OpenWorkersError(
        "CONFLICT",
        `The stream ${definition.name} is there with another subject or retention.`,
      );
    }
    this.#database
      .query("update streams set definition = ? where number = ?")
      .run(JSON.stringify(definition), this.number);
    this.definition = definition;
    while (this.#bytes > definition.maxBytes && definition.whenFull === "drop-oldest") this.#dropOldest();
  }

  /** What has to survive the machine is work; a log's last moments are lost with the machine that wrote them. */
  get durability(): Durability {
    return this.definition.retention === "work" ? "synced" : "committed";
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  state(): StreamState {
    return {
      createdAt: this.createdAt,
      messages: this.#messages,
      bytes: this.#bytes,
      firstSeq: this.store.oldest()?.seq ?? this.#lastSeq + 1,
      lastSeq: this.#lastSeq,
    };
  }

  /** Stores a message, unless its id is remembered; belongs into a transaction. */
  publish(subject: string, payload: Uint8Array, id: string): Published {
    const { name, maxMessageBytes, maxBytes, dedupeMs, whenFull, maxMessagesPerSubject } = this.definition;
    const time = Date.now();
    const known = this.#database
      .query<{ seq: number; until: number }, [number, string]>(
        "select seq, until from ids where stream = ? and id = ?",
      )
      .get(this.number, id);
    if (known !== null && known.until > time) return { seq: known.seq, duplicate: true };
    checkSize(payload, maxMessageBytes, `the stream ${name}`);
    const bytes = payload.byteLength + subject.length + id.length;
    if (bytes > maxBytes || (whenFull === "refuse" && this.#bytes + bytes > maxBytes)) {
      throw new OpenWorkersError(
        "BUS_FULL",
        `The stream ${name} holds ${this.#bytes} of ${maxBytes} bytes.`,
        {
          hint: "What should consume it does not, or not fast enough.",
          details: { stream: name, bytes: this.#bytes, maxBytes },
        },
      );
    }
    while (this.#bytes + bytes > maxBytes) this.#dropOldest();
    const seq = ++this.#lastSeq;
    this.#messages += 1;
    this.#bytes += bytes;
    this.#changed = true;
    this.#published.add(subject);
    this.store.insert({ subject, seq, time, id, payload });
    this.#database
      .query("insert or replace into ids (stream, id, seq, until) values (?, ?, ?, ?)")
      .run(this.number, id, seq, time + dedupeMs);
    if (maxMessagesPerSubject !== undefined) {
      for (const surplus of this.store.surplus(subject, maxMessagesPerSubject)) this.remove(surplus);
    }
    return { seq, duplicate: false };
  }

  /** Removes a message, whoever holds it; belongs into a transaction. */
  remove(seq: number): boolean {
    const removed = this.store.remove(seq);
    if (removed === undefined) return false;
    this.#messages -= 1;
    this.#bytes -= removed.bytes;
    this.#changed = true;
    for (const consumer of this.consumers.wanting([removed.subject])) consumer.forget(seq);
    return true;
  }

  /** Removes what is on `filter` now; resolves to how many messages. */
  async purge(filter: string): Promise<number> {
    const last = this.#lastSeq;
    let purged = 0;
    while (true) {
      const count = await this.#journal.write(() => {
        const positions = this.store.positions(filter, last, removedAtOnce);
        for (const seq of positions) this.remove(seq);
        return positions.length;
      });
      purged += count;
      if (count < removedAtOnce) return purged;
    }
  }

  /** Removes what has come of age, some of it; resolves to whether there may be more. */
  async expire(): Promise<boolean> {
    const oldest = this.store.oldest();
    if (oldest === undefined || oldest.time + this.definition.maxAgeMs > Date.now()) return false;
    return await this.#journal.write(() => {
      for (let count = 0; count < removedAtOnce; count++) {
        const next = this.store.oldest();
        if (next === undefined || next.time + this.definition.maxAgeMs > Date.now()) return false;
        this.remove(next.seq);
      }
      return true;
    });
  }

  /** Writes the sums; the last of a transaction. */
  flush(): void {
    if (!this.#changed) return;
    this.#changed = false;
    this.#database
      .query("update streams set last_seq = ?, messages = ?, bytes = ? where number = ?")
      .run(this.#lastSeq, this.#messages, this.#bytes, this.number);
  }

  /** Reads the sums again, because what changed them was not committed. `false` when not even it is there. */
  reload(): boolean {
    const row = this.#database
      .query<StreamRow, [number]>("select * from streams where number = ?")
      .get(this.number);
    if (row === null) return false;
    this.#lastSeq = row.last_seq;
    this.#messages = row.messages;
    this.#bytes = row.bytes;
    this.#changed = false;
    for (const consumer of [...this.consumers.values()]) {
      if (consumer.reload()) continue;
      consumer.close();
      this.consumers.delete(consumer.name);
    }
    return true;
  }

  /** Tells who waits for messages, when there are new ones. */
  announce(): void {
    if (this.#published.size === 0) return;
    const subjects = this.#published;
    this.#published = new Set();
    for (const consumer of this.consumers.wanting(subjects)) consumer.wake();
    for (const follower of [...this.#followers]) follower();
  }

  /** The messages after `after` on `subject`, until `signal` aborts. */
  async *follow(subject: string, after: number, signal: AbortSignal): AsyncGenerator<StoredMessage, void> {
    let last = after;
    let woken = Promise.withResolvers<void>();
    const wake = () => woken.resolve();
    this.#followers.add(wake);
    signal.addEventListener("abort", wake, { once: true });
    try {
      while (!signal.aborted) {
        woken = Promise.withResolvers<void>();
        const { messages, scannedTo } = this.store.scan(subject, last, this.#lastSeq + 1, 32);
        for (const message of messages) {
          if (signal.aborted) return;
          last = message.seq;
          yield message;
        }
        last = Math.max(last, scannedTo);
        // In turns with everybody else, also when there is always more.
        if (last < this.#lastSeq) await new Promise<void>((resolve) => setImmediate(resolve));
        else await woken.promise;
      }
    } finally {
      this.#followers.delete(wake);
      signal.removeEventListener("abort", wake);
    }
  }

  #dropOldest(): void {
    const oldest = this.store.oldest();
    if (oldest === undefined) this.#bytes = 0;
    else this.remove(oldest.seq);
  }
}
