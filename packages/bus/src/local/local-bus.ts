import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { BoundedReports, OpenWorkersError, type Report } from "@openworkers/core";
import { lockFile } from "@openworkers/core/host";
import type {
  Bus,
  BusStats,
  ConsumerDefinition,
  ConsumerState,
  Consumption,
  FollowOptions,
  Message,
  Published,
  PublishOptions,
  StoredMessage,
  StreamDefinition,
  StreamState,
} from "../bus.ts";
import { checkConsumer, checkMessageId, checkStream } from "../checks.ts";
import { Consumptions } from "../consumptions.ts";
import { Counters } from "../counters.ts";
import { checkFilter, checkSubject, covers, matches, overlap } from "../subjects.ts";
import { LocalConsumer } from "./consumer.ts";
import { LocalConsumption } from "./consumption.ts";
import { DiskSpace } from "./disk-space.ts";
import { Journal } from "./journal.ts";
import { Requests } from "./requests.ts";
import { openDatabase } from "./schema.ts";
import { LocalStream } from "./stream.ts";
import { Sweeper } from "./sweeper.ts";

export interface LocalBusOptions {
  /** The file; its directory is made when it is not there. This process alone may have it open. */
  readonly path: string;
  /** Bytes of the disk that new messages leave free. Default 64 MiB: the log and its move into the file take half of it. */
  readonly reserveBytes?: number;
  readonly report: Report;
}

/**
 * A bus within this process, kept in a SQLite file: what was published survives the process however it ends.
 *
 * @throws OpenWorkersError DATA_DIR_IN_USE when another process has it open, DATA_DIR_NEWER, CONFIG_INVALID
 */
export function openLocalBus(options: LocalBusOptions): Bus {
  mkdirSync(dirname(options.path), { recursive: true, mode: 0o700 });
  const lock = lockFile(`${options.path}.lock`, options.path);
  try {
    return new LocalBus(options, lock);
  } catch (thrown) {
    lock[Symbol.dispose]();
    throw thrown;
  }
}

class LocalBus implements Bus {
  readonly kind = "local";
  readonly #lock: Disposable;
  readonly #reports: BoundedReports;
  readonly #journal: Journal;
  readonly #space: DiskSpace;
  readonly #requests: Requests;
  readonly #sweeper: Sweeper;
  readonly #counters = new Counters();
  readonly #streams = new Map<string, LocalStream>();
  readonly #consumptions = new Consumptions();
  readonly #ending = new AbortController();

  constructor({ path, reserveBytes, report }: LocalBusOptions, lock: Disposable) {
    this.#lock = lock;
    this.#space = new DiskSpace(path, reserveBytes ?? 64 * 2 ** 20);
    this.#reports = new BoundedReports(report);
    this.#requests = new Requests(this.#reports.report);
    const each = (act: (stream: LocalStream) => void) => () => {
      for (const stream of this.#streams.values()) act(stream);
    };
    this.#journal = new Journal(openDatabase(path), path, {
      report: this.#reports.report,
      beforeCommit: each((stream) => stream.flush()),
      afterCommit: each((stream) => stream.announce()),
      afterRollback: each((stream) => {
        if (!stream.reload()) this.#streams.delete(stream.definition.name);
      }),
    });
    for (const stream of LocalStream.all(this.#journal)) {
      this.#streams.set(stream.definition.name, stream);
      for (const consumer of LocalConsumer.all(stream, this.#journal, this.#reports.report)) {
        stream.consumers.add(consumer);
      }
    }
    this.#sweeper = new Sweeper(this.#journal, () => this.#streams.values(), this.#reports.report);
  }

  async declare(definition: StreamDefinition): Promise<void> {
    checkStream(definition);
    await this.#write(() => {
      for (const { definition: other } of this.#streams.values()) {
        if (other.name !== definition.name && overlap(other.subject, definition.subject)) {
          throw new OpenWorkersError(
            "CONFLICT",
            `The streams ${definition.name} and ${other.name} want the same subjects.`,
          );
        }
      }
      const stream = this.#streams.get(definition.name);
      if (stream === undefined)
        this.#streams.set(definition.name, LocalStream.create(this.#journal, definition));
      else stream.redefine(definition);
    });
  }

  async publish(subject: string, payload: Uint8Array, options: PublishOptions): Promise<Published> {
    checkSubject(subject);
    checkMessageId(options.id);
    const stream = [...this.#streams.values()].find(({ definition }) => matches(definition.subject, subject));
    if (stream === undefined) {
      throw new OpenWorkersError("INVALID_INPUT", `Cannot publish on ${subject}: no stream takes it.`);
    }
    // It is written in a moment, and its owner may use its memory again by then.
    const kept = payload.slice();
    const store = () => {
      this.#space.take(kept.byteLength);
      return stream.publish(subject, kept, options.id);
    };
    return this.#counters.counting(this.#write(store, stream.durability, kept.byteLength));
  }

  async consume(
    definition: ConsumerDefinition,
    handle: (message: Message) => Promise<void>,
  ): Promise<Consumption> {
    checkConsumer(definition);
    const stream = this.#stream(definition.stream);
    const consumer = await this.#write(() => this.#ensureConsumer(stream, definition));
    const consumption = new LocalConsumption(consumer, definition, handle, this.#reports.report);
    return this.#consumptions.keep(consumption);
  }

  follow({ stream, subject, after, signal }: FollowOptions): AsyncIterable<StoredMessage> {
    checkFilter(subject);
    return this.#stream(stream).follow(subject, after, AbortSignal.any([signal, this.#ending.signal]));
  }

  async streamState(stream: string): Promise<StreamState> {
    return this.#stream(stream).state();
  }

  async consumerState(stream: string, name: string): Promise<ConsumerState | undefined> {
    return this.#stream(stream).consumers.get(name)?.state();
  }

  async removeConsumer(stream: string, name: string): Promise<void> {
    await this.#write(() => {
      const { consumers } = this.#stream(stream);
      const consumer = consumers.get(name);
      consumer?.remove();
      if (consumer?.isClosed) consumers.delete(name);
    });
  }

  async stored(stream: string, subject: string): Promise<number> {
    checkSubject(subject);
    return this.#stream(stream).store.countAfter(subject, 0);
  }

  async read(
    stream: string,
    subject: string,
    { after, limit }: { readonly after: number; readonly limit: number },
  ): Promise<StoredMessage[]> {
    checkSubject(subject);
    const found = this.#stream(stream);
    return found.store.scan(subject, after, found.lastSeq + 1, limit).messages;
  }

  async remove(stream: string, seq: number): Promise<boolean> {
    return await this.#write(() => this.#stream(stream).remove(seq), "synced");
  }

  async purge(stream: string, subject: string): Promise<number> {
    checkFilter(subject);
    return await this.#stream(stream).purge(subject);
  }

  async request(
    subject: string,
    payload: Uint8Array,
    options: { readonly timeoutMs: number },
  ): Promise<Uint8Array> {
    checkSubject(subject);
    return await this.#requests.request(subject, payload, options.timeoutMs);
  }

  async respond(
    subject: string,
    group: string,
    answer: (payload: Uint8Array) => Promise<Uint8Array>,
  ): Promise<AsyncDisposable> {
    checkFilter(subject);
    return this.#requests.respond(subject, group, answer);
  }

  stats(): BusStats {
    return { connected: !this.#ending.signal.aborted, reconnects: 0, ...this.#counters };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort();
    this.#sweeper[Symbol.dispose]();
    await this.#consumptions[Symbol.asyncDispose]();
    for (const stream of this.#streams.values()) {
      for (const consumer of stream.consumers.values()) consumer.close();
    }
    await this.#journal.close();
    this.#reports[Symbol.dispose]();
    this.#lock[Symbol.dispose]();
  }

  #stream(name: string): LocalStream {
    const stream = this.#streams.get(name);
    if (stream === undefined) throw new OpenWorkersError("NOT_FOUND", `There is no stream ${name}.`);
    return stream;
  }

  #ensureConsumer(stream: LocalStream, definition: ConsumerDefinition): LocalConsumer {
    const { name, subject } = definition;
    const { consumers } = stream;
    const found = consumers.get(name);
    if (found?.subject === subject) return found;
    if (found !== undefined) {
      throw new OpenWorkersError("CONFLICT", `The consumer ${name} is there, for ${found.subject}.`);
    }
    if (!covers(stream.definition.subject, subject)) {
      throw new OpenWorkersError(
        "INVALID_INPUT",
        `The stream ${definition.stream} has nothing on ${subject}.`,
      );
    }
    const rival = [...consumers.values()].find((other) => overlap(other.subject, subject));
    if (stream.definition.retention === "work" && rival !== undefined) {
      throw new OpenWorkersError("CONFLICT", `The consumers ${name} and ${rival.name} want the same work.`);
    }
    const made = LocalConsumer.create(stream, this.#journal, definition, this.#reports.report);
    consumers.add(made);
    return made;
  }

  #write<T>(operation: () => T, ...rest: [durability?: "committed" | "synced", bytes?: number]): Promise<T> {
    if (this.#ending.signal.aborted) {
      return Promise.reject(new OpenWorkersError("BUS_UNAVAILABLE", "The bus is closed."));
    }
    return this.#journal.write(operation, ...rest);
  }
}
