import { type JetStreamClient, type JetStreamManager, jetstream } from "@nats-io/jetstream";
import { errors, headers, type NatsConnection } from "@nats-io/transport-node";
import { BoundedReports, messageOf, OpenWorkersError, type Report, within } from "@openworkers/core";
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
import { checkConsumer, checkMessageId, checkSize, checkStream } from "../checks.ts";
import { Consumptions } from "../consumptions.ts";
import { Counters } from "../counters.ts";
import { checkFilter, checkSubject, matches } from "../subjects.ts";
import { NatsConsumption } from "./consume.ts";
import { explain, explainLackOfPeers, hasNoResponders, lacksPeers } from "./faults.ts";
import { followStream } from "./follow.ts";
import { Link } from "./link.ts";
import { nextStored, removeStored } from "./stored.ts";
import { ensureConsumer, ensureStream, findConsumer, headerBytes } from "./streams.ts";

const askMs = 10_000;
const publishMs = 5_000;
/** Nodes tell each other every 10 seconds at most how much room they have, which is when a cluster can place a stream. */
const formingMs = 30_000;
const failedHeader = "Ow-Failed";

/** The bus on a NATS connection; `connectNats` makes it. */
export class NatsBus implements Bus {
  readonly kind = "nats";
  readonly #link: Link;
  readonly #manager: JetStreamManager;
  readonly #streams: JetStreamClient;
  readonly #replicas: number;
  readonly #formingMs: number;
  readonly #reports: BoundedReports;
  readonly #counters = new Counters();
  readonly #declared = new Map<string, StreamDefinition>();
  readonly #consumptions = new Consumptions();
  readonly #ending = new AbortController();

  constructor(
    connection: NatsConnection,
    manager: JetStreamManager,
    options: {
      readonly replicas: number;
      readonly report: Report;
      /** How long a cluster may have too few nodes before that is taken for what it is to stay: 30 seconds when absent. */
      readonly formingMs?: number;
    },
  ) {
    this.#reports = new BoundedReports(options.report);
    this.#link = new Link(connection, this.#reports.report);
    this.#manager = manager;
    this.#streams = jetstream(connection, { timeout: 2_000 });
    this.#replicas = options.replicas;
    this.#formingMs = options.formingMs ?? formingMs;
  }

  async declare(stream: StreamDefinition): Promise<void> {
    checkStream(stream);
    this.#declared.set(stream.name, stream);
    const { info } = this.#link.connection;
    if (info !== undefined && info.max_payload < stream.maxMessageBytes + headerBytes) {
      this.#reports.report("NATS takes smaller messages than a stream: raise its max_payload.", {
        stream: stream.name,
        maxMessageBytes: stream.maxMessageBytes,
        maxPayloadBytes: info.max_payload,
      });
    }
    await this.#whenFormed(() =>
      this.#ask(`Cannot declare the stream ${stream.name}`, () =>
        ensureStream(this.#manager, stream, this.#replicas),
      ),
    );
  }

  async publish(subject: string, payload: Uint8Array, options: PublishOptions): Promise<Published> {
    checkSubject(subject);
    checkMessageId(options.id);
    const stream = [...this.#declared.values()].find((declared) => matches(declared.subject, subject));
    if (stream !== undefined) checkSize(payload, stream.maxMessageBytes, `the stream ${stream.name}`);
    const what = `Cannot publish on ${subject}`;
    // It is sent in a moment, perhaps more than once, and its owner may use its memory again by then.
    const kept = payload.slice();
    return this.#counters.counting(
      this.#link.retrying(what, options.timeoutMs ?? publishMs, async (timeout) => {
        try {
          const { seq, duplicate } = await this.#streams.publish(subject, kept, {
            msgID: options.id,
            timeout,
          });
          return { seq, duplicate: duplicate === true };
        } catch (thrown) {
          if (hasNoResponders(thrown)) await this.#findStream(subject, stream);
          throw thrown;
        }
      }),
    );
  }

  async consume(
    consumer: ConsumerDefinition,
    handle: (message: Message) => Promise<void>,
  ): Promise<Consumption> {
    checkConsumer(consumer);
    const ensure = async () => {
      const stream = this.#declared.get(consumer.stream);
      if (stream !== undefined) await ensureStream(this.#manager, stream, this.#replicas);
      await ensureConsumer(this.#manager, consumer);
    };
    await this.#ask(`Cannot consume ${consumer.stream} as ${consumer.name}`, () =>
      ensureConsumer(this.#manager, consumer),
    );
    const consumption = new NatsConsumption({
      link: this.#link,
      report: this.#reports.report,
      consumer,
      handle,
      ensure,
    });
    return this.#consumptions.keep(consumption);
  }

  follow(options: FollowOptions): AsyncIterable<StoredMessage> {
    checkFilter(options.subject);
    const signal = AbortSignal.any([options.signal, this.#ending.signal]);
    return followStream(this.#link, this.#manager, { ...options, signal }, this.#reports.report);
  }

  async streamState(stream: string): Promise<StreamState> {
    const { created, state } = await this.#ask(`Cannot look at the stream ${stream}`, () =>
      this.#manager.streams.info(stream),
    );
    const empty = state.messages === 0;
    return {
      createdAt: Date.parse(created),
      messages: state.messages,
      bytes: state.bytes,
      firstSeq: empty ? state.last_seq + 1 : state.first_seq,
      lastSeq: state.last_seq,
    };
  }

  async consumerState(stream: string, name: string): Promise<ConsumerState | undefined> {
    const info = await this.#ask(`Cannot look at the consumer ${name}`, () =>
      findConsumer(this.#manager, stream, name),
    );
    if (info === undefined) return undefined;
    return {
      floor: info.num_ack_pending === 0 ? info.delivered.stream_seq : info.ack_floor.stream_seq,
      pending: info.num_pending,
      unacknowledged: info.num_ack_pending,
      redelivered: info.num_redelivered,
    };
  }

  async removeConsumer(stream: string, name: string): Promise<void> {
    await this.#ask(`Cannot remove the consumer ${name}`, async () => {
      const found = await findConsumer(this.#manager, stream, name);
      if (found !== undefined) await this.#manager.consumers.delete(stream, name);
    });
  }

  async stored(stream: string, subject: string): Promise<number> {
    checkSubject(subject);
    const { state } = await this.#ask(`Cannot count what is on ${subject}`, () =>
      this.#manager.streams.info(stream, { subjects_filter: subject }),
    );
    return state.subjects?.[subject] ?? 0;
  }

  async read(
    stream: string,
    subject: string,
    { after, limit }: { readonly after: number; readonly limit: number },
  ): Promise<StoredMessage[]> {
    checkSubject(subject);
    const messages: StoredMessage[] = [];
    for (let seq = after + 1; messages.length < limit; ) {
      const message = await this.#ask(`Cannot read what is on ${subject}`, () =>
        nextStored(this.#manager, stream, subject, seq),
      );
      if (message === undefined) break;
      messages.push(message);
      seq = message.seq + 1;
    }
    return messages;
  }

  async remove(stream: string, seq: number): Promise<boolean> {
    return await this.#ask(`Cannot remove a message of ${stream}`, () =>
      removeStored(this.#manager, stream, seq),
    );
  }

  async purge(stream: string, subject: string): Promise<number> {
    checkFilter(subject);
    const { purged } = await this.#ask(`Cannot purge ${subject}`, () =>
      this.#manager.streams.purge(stream, { filter: subject }),
    );
    return purged;
  }

  async request(
    subject: string,
    payload: Uint8Array,
    options: { readonly timeoutMs: number },
  ): Promise<Uint8Array> {
    checkSubject(subject);
    const what = `Nobody answered ${subject}`;
    try {
      if (!this.#link.connected) throw new OpenWorkersError("BUS_UNAVAILABLE", `${what}: NATS is away.`);
      const answer = await this.#link.connection.request(subject, payload, { timeout: options.timeoutMs });
      const failure = answer.headers?.get(failedHeader);
      if (!failure) return answer.data;
      throw new OpenWorkersError("BUS_UNAVAILABLE", `Whoever answers ${subject} failed.`);
    } catch (thrown) {
      if (hasNoResponders(thrown)) throw new OpenWorkersError("NOT_FOUND", `Nobody answers ${subject}.`);
      throw explain(thrown, what);
    }
  }

  async respond(
    subject: string,
    group: string,
    answer: (payload: Uint8Array) => Promise<Uint8Array>,
  ): Promise<AsyncDisposable> {
    checkFilter(subject);
    const under = new Set<Promise<void>>();
    const { connection } = this.#link;
    const subscription = connection.subscribe(subject, {
      queue: group,
      callback: (error, message) => {
        if (error !== null) {
          this.#reports.report("Requests on the bus cannot be answered.", { subject, error: error.message });
          return;
        }
        const work = (async () => {
          try {
            message.respond(await answer(message.data));
          } catch (thrown) {
            this.#reports.report("A request on the bus failed.", { subject, error: messageOf(thrown) });
            const failed = headers();
            failed.set(failedHeader, "1");
            if (!connection.isClosed()) message.respond(new Uint8Array(), { headers: failed });
          }
        })().finally(() => under.delete(work));
        under.add(work);
      },
    });
    // From here on the server knows of it.
    try {
      await this.#ask(`Cannot answer ${subject}`, () => connection.flush());
    } catch (thrown) {
      // Or it would be back with the connection, and answer for somebody who has given up.
      if (!subscription.isClosed() && !connection.isClosed()) subscription.unsubscribe();
      throw thrown;
    }
    return {
      async [Symbol.asyncDispose]() {
        if (!subscription.isClosed() && !connection.isClosed()) await within(subscription.drain(), 2_000);
        await Promise.all(under);
      },
    };
  }

  stats(): BusStats {
    return { connected: this.#link.connected, reconnects: this.#link.reconnects, ...this.#counters };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    this.#link.hurry();
    await this.#consumptions[Symbol.asyncDispose]();
    this.#link.markClosed();
    this.#reports[Symbol.dispose]();
    // What was said last, such as an acknowledgement nobody waited for, should arrive; a server that is away cannot hear it.
    if (this.#link.connected)
      await within(
        this.#link.connection.flush().catch(() => {}),
        2_000,
      );
    await this.#link.connection.close();
  }

  // A platform is started together with its NATS cluster, whose last node may be a while in coming.
  async #whenFormed(declare: () => Promise<void>): Promise<void> {
    const deadline = performance.now() + this.#formingMs;
    for (;;) {
      try {
        return await declare();
      } catch (thrown) {
        if (!(thrown instanceof OpenWorkersError && lacksPeers(thrown.cause))) throw thrown;
        if (performance.now() > deadline) throw explainLackOfPeers(thrown);
        this.#reports.report("The NATS cluster has too few nodes so far.", { error: thrown.message });
      }
    }
  }

  #ask<T>(what: string, ask: () => Promise<T>): Promise<T> {
    return this.#link.retrying(what, askMs, ask);
  }

  // Nobody takes the subject: either no stream is for it, or the cluster has no leader for the stream at the moment.
  async #findStream(subject: string, declared: StreamDefinition | undefined): Promise<void> {
    const { value } = await this.#manager.streams.names(subject)[Symbol.asyncIterator]().next();
    if (value !== undefined) return;
    // It was there once: the server lost its disk.
    if (declared !== undefined) return await ensureStream(this.#manager, declared, this.#replicas);
    throw new errors.InvalidArgumentError("no stream takes it");
  }
}
