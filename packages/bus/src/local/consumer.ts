import type { Database } from "bun:sqlite";
import { messageOf, OpenWorkersError, type Report } from "@openworkers/core";
import type { ConsumerDefinition, ConsumerState, StoredMessage } from "../bus.ts";
import { Delivery } from "../delivery.ts";
import type { LocalConsumption } from "./consumption.ts";
import type { Journal } from "./journal.ts";
import type { LocalStream } from "./stream.ts";

interface ConsumerRow {
  number: number;
  name: string;
  subject: string;
  cursor: number;
}

// What `setTimeout` takes at most is 24.8 days.
const longestTimerMs = 86_400_000;
const readAgainMs = 1_000;

/** A message that was delivered and not acknowledged. Times are of the monotonic clock. */
interface Pending {
  deliveries: number;
  /** To be delivered again at this time. */
  dueAt: number;
  /** It is being written down that it is delivered, or acknowledged. */
  busy: boolean;
  /** It is being acknowledged or dropped. */
  ended: boolean;
}

/** A durable consumer of the local bus: who has which message, and which come next. */
export class LocalConsumer {
  readonly number: number;
  readonly name: string;
  readonly subject: string;
  readonly #stream: LocalStream;
  readonly #journal: Journal;
  readonly #report: Report;
  readonly #members: LocalConsumption[] = [];
  readonly #pending = new Map<number, Pending>();
  readonly #unwritten = new Set<number>();
  #definition: ConsumerDefinition | undefined;
  #cursor: number;
  #nextDueAt = Number.POSITIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #woken = false;
  #closed = false;

  constructor(stream: LocalStream, journal: Journal, row: ConsumerRow, report: Report) {
    this.#stream = stream;
    this.#journal = journal;
    this.#report = report;
    this.number = row.number;
    this.name = row.name;
    this.subject = row.subject;
    this.#cursor = row.cursor;
    this.reload();
  }

  /**
   * Takes up what is written down as delivered and not acknowledged, where memory does not know it. `false` when it is not
   * written down itself.
   */
  reload(): boolean {
    const row = this.#database.query("select 1 from consumers where number = ?").get(this.number);
    if (row === null) return false;
    const written = this.#database
      .query<{ seq: number; deliveries: number; delayed_until: number }, [number]>(
        "select seq, deliveries, delayed_until from pending where consumer = ?",
      )
      .all(this.number);
    for (const { seq, deliveries, delayed_until: until } of written) {
      if (this.#pending.has(seq)) continue;
      // Whoever held it ended with the process; what was delayed stays so.
      const dueAt = performance.now() + Math.max(0, until - Date.now());
      this.#pending.set(seq, { deliveries, dueAt, busy: false, ended: false });
      this.#nextDueAt = Math.min(this.#nextDueAt, dueAt);
    }
    this.wake();
    return true;
  }

  /** The consumers of a stream that are stored. */
  static all(stream: LocalStream, journal: Journal, report: Report): LocalConsumer[] {
    return journal.database
      .query<ConsumerRow, [number]>("select number, name, subject, cursor from consumers where stream = ?")
      .all(stream.number)
      .map((row) => new LocalConsumer(stream, journal, row, report));
  }

  /** Makes one; belongs into a transaction. */
  static create(
    stream: LocalStream,
    journal: Journal,
    definition: ConsumerDefinition,
    report: Report,
  ): LocalConsumer {
    const row = journal.database
      .query<ConsumerRow, [number, string, string]>(
        "insert into consumers (stream, name, subject, cursor) values (?, ?, ?, 0) returning *",
      )
      .get(stream.number, definition.name, definition.subject);
    if (row === null) throw new OpenWorkersError("INTERNAL", "SQLite did not return the row it inserted.");
    return new LocalConsumer(stream, journal, row, report);
  }

  state(): ConsumerState {
    const seqs = [...this.#pending.keys()];
    return {
      floor: seqs.length === 0 ? this.#cursor : Math.min(...seqs) - 1,
      pending: this.#stream.store.countAfter(this.subject, this.#cursor),
      unacknowledged: seqs.length,
      redelivered: [...this.#pending.values()].filter(({ deliveries }) => deliveries > 1).length,
    };
  }

  join(member: LocalConsumption, definition: ConsumerDefinition): void {
    this.#definition = definition;
    this.#members.push(member);
    this.wake();
  }

  leave(member: LocalConsumption): void {
    const at = this.#members.indexOf(member);
    if (at >= 0) this.#members.splice(at, 1);
    this.wake();
  }

  /** Looks for something to deliver, in a moment. */
  wake(): void {
    if (this.#woken || this.#closed) return;
    this.#woken = true;
    queueMicrotask(() => {
      this.#woken = false;
      try {
        this.#deliver();
      } catch (thrown) {
        this.#cannotRead(thrown);
      }
    });
  }

  /** The message is gone. Belongs into a transaction. */
  forget(seq: number): void {
    if (!this.#pending.delete(seq)) return;
    this.#deleteRow(seq);
    this.wake();
  }

  /** Removes it with what it remembers; belongs into a transaction. Whoever consumes under its name begins anew. */
  remove(): void {
    this.#pending.clear();
    this.#cursor = 0;
    this.#database.query("delete from pending where consumer = ?").run(this.number);
    if (this.#members.length === 0) {
      this.close();
      this.#database.query("delete from consumers where number = ?").run(this.number);
    } else this.wake();
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  get #database(): Database {
    return this.#journal.database;
  }

  // A damaged file, or a disk that fails: nobody awaits this, and it would end the process.
  #cannotRead(thrown: unknown): void {
    this.#report("The bus could not read what is to be delivered.", {
      consumer: this.name,
      error: messageOf(thrown),
    });
    if (this.#closed) return;
    this.#nextDueAt = 0;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.wake(), readAgainMs);
  }

  // Each member in turn gets one, so that one with much room does not take everything.
  #deliver(): void {
    if (this.#closed) return;
    const room = this.#members.reduce((sum, member) => sum + member.room, 0);
    const messages = room > 0 ? this.#takeDue(room) : [];
    if (messages.length < room) messages.push(...this.#takeNew(room - messages.length));
    for (const message of messages) {
      const member = this.#members.shift();
      if (member === undefined) break;
      this.#members.push(member);
      if (member.room > 0) void this.#give(member, message);
      else messages.push(message);
    }
    this.#setTimer();
  }

  #takeDue(limit: number): StoredMessage[] {
    const now = performance.now();
    if (this.#nextDueAt > now) return [];
    const due: number[] = [];
    this.#nextDueAt = Number.POSITIVE_INFINITY;
    for (const [seq, { dueAt, busy }] of this.#pending) {
      if (busy) continue;
      if (dueAt <= now) due.push(seq);
      else this.#nextDueAt = Math.min(this.#nextDueAt, dueAt);
    }
    if (due.length > limit) this.#nextDueAt = now;
    const found: StoredMessage[] = [];
    for (const seq of due.sort((a, b) => a - b).slice(0, limit)) {
      const message = this.#stream.store.get(seq);
      // Removed while this process did not run.
      if (message === undefined) this.#pending.delete(seq);
      else found.push(message);
    }
    return found;
  }

  #takeNew(room: number): StoredMessage[] {
    const limit = Math.min(room, (this.#definition?.maxUnacknowledged ?? 0) - this.#pending.size);
    const last = this.#stream.lastSeq;
    if (limit <= 0 || this.#cursor >= last) return [];
    const { messages, scannedTo } = this.#stream.store.scan(this.subject, this.#cursor, last + 1, limit);
    this.#cursor = Math.max(this.#cursor, scannedTo);
    if (messages.length < limit && scannedTo < last) setImmediate(() => this.wake());
    return messages;
  }

  // Written down before it is handed over: after a crash it is known to have been delivered before.
  async #give(member: LocalConsumption, message: StoredMessage): Promise<void> {
    const { seq } = message;
    const pending = this.#pending.get(seq) ?? { deliveries: 0, dueAt: 0, busy: true, ended: false };
    const isGone = () => pending.ended || this.#pending.get(seq) !== pending;
    pending.busy = true;
    this.#pending.set(seq, pending);
    member.reserve();
    try {
      await this.#journal.write(() => {
        if (isGone()) return;
        this.#writeRow(seq, pending.deliveries + 1, 0);
        // Those before it whose transaction failed: the cursor passes over them now.
        for (const before of this.#unwritten) if (this.#pending.has(before)) this.#writeRow(before, 1, 0);
        this.#database
          .query("update consumers set cursor = max(cursor, ?) where number = ?")
          .run(seq, this.number);
      });
      this.#unwritten.clear();
      // Purged, or acknowledged late, meanwhile.
      if (isGone()) return member.release();
      pending.deliveries += 1;
      this.#due(pending, this.#definition?.ackWaitMs ?? 0);
      const delivery = new Delivery(
        message,
        pending.deliveries,
        this.#settlement(seq, pending),
        this.#definition?.backoffMs ?? [],
      );
      if (member.take(delivery)) return;
      this.#due(pending, 0);
    } catch (thrown) {
      this.#report("The bus could not deliver a message.", { consumer: this.name, error: messageOf(thrown) });
      this.#unwritten.add(seq);
      this.#due(pending, 1_000);
    }
    member.release();
  }

  #settlement(seq: number, pending: Pending) {
    const { deliveries } = pending;
    // Delivered again since: only an acknowledgement still counts.
    const isMine = () => this.#pending.get(seq) === pending && pending.deliveries === deliveries;
    const end = async () => {
      if (!this.#pending.has(seq)) return;
      pending.busy = true;
      pending.ended = true;
      try {
        await this.#journal.write(() => {
          this.#deleteRow(seq);
          if (this.#stream.definition.retention === "work") this.#stream.remove(seq);
        });
        if (this.#pending.get(seq) === pending) this.#pending.delete(seq);
        this.wake();
      } catch (thrown) {
        pending.ended = false;
        this.#due(pending, 0);
        throw thrown;
      }
    };
    const unlessFailed = (writing: Promise<unknown>) =>
      void writing.catch((thrown) =>
        this.#report("The bus could not write down what became of a message.", {
          consumer: this.name,
          error: messageOf(thrown),
        }),
      );
    return {
      ack: end,
      drop: () => unlessFailed(end()),
      retry: (delayMs: number) => {
        if (!isMine()) return;
        this.#due(pending, delayMs);
        const until = Date.now() + delayMs;
        unlessFailed(
          this.#journal.write(() => {
            if (isMine()) this.#writeRow(seq, deliveries, until);
          }),
        );
      },
      working: () => {
        if (isMine() && !pending.busy) this.#due(pending, this.#definition?.ackWaitMs ?? 0);
      },
    };
  }

  #due(pending: Pending, inMs: number): void {
    pending.busy = false;
    pending.dueAt = performance.now() + inMs;
    this.#nextDueAt = Math.min(this.#nextDueAt, pending.dueAt);
    if (inMs === 0) this.wake();
    else if (this.#nextDueAt === pending.dueAt) this.#setTimer();
  }

  // May be early, because what was due then has been acknowledged: `#takeDue` looks again.
  #setTimer(): void {
    clearTimeout(this.#timer);
    // Where nobody is there to take it, whoever comes wakes us.
    const wanted = this.#members.some((member) => member.room > 0);
    if (this.#closed || !wanted || this.#nextDueAt === Number.POSITIVE_INFINITY) return;
    const inMs = Math.min(this.#nextDueAt - performance.now(), longestTimerMs);
    this.#timer = setTimeout(() => this.wake(), Math.max(1, inMs));
  }

  #writeRow(seq: number, deliveries: number, delayedUntil: number): void {
    this.#database
      .query("insert or replace into pending (consumer, seq, deliveries, delayed_until) values (?, ?, ?, ?)")
      .run(this.number, seq, deliveries, delayedUntil);
  }

  #deleteRow(seq: number): void {
    this.#database.query("delete from pending where consumer = ? and seq = ?").run(this.number, seq);
  }
}
