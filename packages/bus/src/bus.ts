/**
 * The platform's event bus: streams that keep what is published until everybody who should has taken it. NATS
 * JetStream and the bus within `ow up` are held to one contract suite.
 *
 * Delivery is at least once. A message's id makes its publication idempotent within the stream's `dedupeMs`, and tells
 * its consumers whether they have seen it.
 */
export interface Bus extends AsyncDisposable {
  readonly kind: "nats" | "local";

  /** Makes a stream, or brings its limits up to date. Idempotent: every service declares the streams it uses. */
  declare(stream: StreamDefinition): Promise<void>;

  /**
   * Resolves once the message is stored: on the disk of a quorum of the stream's replicas.
   *
   * @throws OpenWorkersError BUS_UNAVAILABLE when that is not known in time (publish again with the same id),
   * BUS_FULL when the stream refuses more, INVALID_INPUT when no stream takes the subject or the payload is too large
   */
  publish(subject: string, payload: Uint8Array, options: PublishOptions): Promise<Published>;

  /**
   * Hands the messages of a durable consumer to `handle`, up to `inFlight` at a time, until it is disposed of, across
   * failures of the bus. The messages are shared by all who consume under the name. Disposing waits for what is being
   * handled. A `handle` that throws has its message delivered again after the back-off.
   */
  consume(consumer: ConsumerDefinition, handle: (message: Message) => Promise<void>): Promise<Consumption>;

  /**
   * The stream's messages on `subject` after position `after`, in order, each once, first those stored and then those
   * that come, until `signal` aborts. Goes on by itself when the bus was away. Takes nothing from any consumer.
   */
  follow(options: FollowOptions): AsyncIterable<StoredMessage>;

  streamState(stream: string): Promise<StreamState>;

  /** Undefined when there is no such consumer. */
  consumerState(stream: string, name: string): Promise<ConsumerState | undefined>;

  /** How many messages are stored on `subject`, which has no `>`: delivered or not, none of them acknowledged. */
  stored(stream: string, subject: string): Promise<number>;

  /**
   * Up to `limit` stored messages on `subject`, which has no `>`, after position `after`: the oldest first, delivered or
   * not. Takes nothing from any consumer.
   */
  read(
    stream: string,
    subject: string,
    options: { readonly after: number; readonly limit: number },
  ): Promise<StoredMessage[]>;

  /** Removes one message, whoever has it; resolves to whether it was there. */
  remove(stream: string, seq: number): Promise<boolean>;

  /** Removes a durable consumer; what it had not acknowledged stays in the stream unless it was the last to want it. */
  removeConsumer(stream: string, name: string): Promise<void>;

  /** Removes what is stored on `subject`; resolves to how many messages. */
  purge(stream: string, subject: string): Promise<number>;

  /**
   * Asks whoever answers on `subject` now.
   *
   * @throws OpenWorkersError NOT_FOUND when nobody does, BUS_UNAVAILABLE when no answer came within `timeoutMs`
   */
  request(subject: string, payload: Uint8Array, options: { readonly timeoutMs: number }): Promise<Uint8Array>;

  /** Answers requests on `subject`, in turns with all others who do so under the same `group`. */
  respond(
    subject: string,
    group: string,
    answer: (payload: Uint8Array) => Promise<Uint8Array>,
  ): Promise<AsyncDisposable>;

  /** For metrics. */
  stats(): BusStats;
}

/** Counted since the bus was opened. */
export interface BusStats {
  readonly connected: boolean;
  readonly reconnects: number;
  readonly published: number;
  /** Publications that ended with an error. */
  readonly failed: number;
}

export interface StreamDefinition {
  /** Upper-case letters, digits and `_`. */
  readonly name: string;
  /** Subjects it stores; a last token of `>` stands for any further tokens. Those of two streams do not overlap. */
  readonly subject: string;
  /** `limits`: kept until a limit is reached. `work`: until a consumer acknowledges it; filters do not overlap. */
  readonly retention: "limits" | "work";
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  /** What gives way at `maxBytes`: the oldest messages, or the one that is published (BUS_FULL). */
  readonly whenFull: "drop-oldest" | "refuse";
  readonly maxMessageBytes: number;
  /** How long an id is remembered. */
  readonly dedupeMs: number;
  /** Bounds of each subject on its own; none without. */
  readonly maxMessagesPerSubject?: number;
}

export interface PublishOptions {
  /** At most 128 characters of letters, digits, `-`, `_`, `:` and `.`. */
  readonly id: string;
  readonly timeoutMs?: number;
}

export interface Published {
  /** Position in the stream, from 1; rises with every message. */
  readonly seq: number;
  /** It was there before, under the same id. */
  readonly duplicate: boolean;
}

export interface ConsumerDefinition {
  readonly stream: string;
  /** Letters, digits, `-` and `_`. Consumers of one name and stream share their messages. */
  readonly name: string;
  /** Only messages on this subject, which may end in `>`. */
  readonly subject: string;
  /** Messages that this process handles at a time. */
  readonly inFlight: number;
  /** Messages that all who consume under the name hold at a time. */
  readonly maxUnacknowledged: number;
  /** After so long without acknowledgement or `working()` a message is delivered again. */
  readonly ackWaitMs: number;
  /** Waits before the second, third … delivery of a message whose handling failed; the last counts for all others. */
  readonly backoffMs: readonly number[];
}

/** What is stored. */
export interface StoredMessage {
  readonly subject: string;
  readonly seq: number;
  /** When it was stored, in Unix milliseconds. */
  readonly time: number;
  readonly id: string;
  readonly payload: Uint8Array;
}

/** A delivery. Exactly one of `ack`, `retry` and `drop` ends it; returning from the handler without one acknowledges it. */
export interface Message extends StoredMessage {
  /** 1 for the first delivery. */
  readonly deliveries: number;
  /** Resolves once the bus knows. @throws OpenWorkersError BUS_UNAVAILABLE: then it may be delivered again */
  ack(): Promise<void>;
  /** To be delivered again, after `delayMs` or the next back-off. */
  retry(delayMs?: number): void;
  /** Never to be delivered again. */
  drop(): void;
  /** Starts `ackWaitMs` anew: it is still being worked on. */
  working(): void;
}

/** Ends the consumption when disposed of: takes no more messages and waits for those under way. */
export interface Consumption extends AsyncDisposable {
  /** Messages being handled by this process now. */
  readonly handling: number;
}

export interface FollowOptions {
  readonly stream: string;
  readonly subject: string;
  /** Begin with the first message whose position is greater. */
  readonly after: number;
  readonly signal: AbortSignal;
}

export interface StreamState {
  /** When it was made, in Unix milliseconds: with `lastSeq` it tells streams of one name apart. */
  readonly createdAt: number;
  readonly messages: number;
  readonly bytes: number;
  /** Position of the oldest that is stored; one past `lastSeq` when there is none. */
  readonly firstSeq: number;
  /** 0 when nothing was ever stored. */
  readonly lastSeq: number;
}

export interface ConsumerState {
  /** Every message at or below this position that it wants has been acknowledged or dropped. */
  readonly floor: number;
  /** Not yet delivered to anybody. */
  readonly pending: number;
  /** Delivered, not yet acknowledged. */
  readonly unacknowledged: number;
  readonly redelivered: number;
}
