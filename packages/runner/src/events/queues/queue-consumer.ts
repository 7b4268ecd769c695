import type { Bus, ConsumerDefinition, Consumption, Message } from "@openworkers/bus";
import {
  decodePayload,
  isFromLaterRelease,
  messageOf,
  type QueueMessage,
  queueConsumerName,
  queueLimits,
  queueMessageSchema,
  queueSubject,
  type Report,
  streams,
} from "@openworkers/core";
import type { QueueDelivery } from "@openworkers/db";
import type { Place } from "../../subrequests/places.ts";
import type { EventDispatch, QueueEnd } from "../dispatch.ts";
import type { HeldBytes } from "./held-bytes.ts";
import { type HeldMessage, type Settled, type SettleOptions, settleFailed } from "./settle.ts";

export interface QueueConsumerOptions extends SettleOptions {
  readonly bus: Bus;
  readonly dispatch: Pick<EventDispatch, "queue">;
  /** Settles when the stream is there, or nobody waits for it any more. */
  readonly declared: Promise<void>;
  /** Memory that all consumers of this runner share. */
  readonly memory: HeldBytes;
  /** Waits for a turn of the queue's worker among all that this runner delivers. Rejects when `signal` aborts. */
  readonly turn: (queue: QueueDelivery, signal: AbortSignal) => Promise<Place>;
  /** A message was given to the worker, and what became of it is stored. */
  readonly onSettled: (queue: QueueDelivery, message: QueueMessage, settled: Settled) => void;
  readonly report: Report;
  /** For tests. How long the bus waits for a sign of life before it delivers a message again. Default 30 s. */
  readonly ackWaitMs?: number;
}

/** Batches of one queue that a runner works on at a time, unless the queue says: others have runners, too. */
const batchesAtATime = 4;
/** However many a queue allows. */
const maxBatchesAtATime = 32;
/** Messages of one queue in a runner's memory, of up to 170 KB each. */
const maxHeld = 400;

/** Before messages that the worker was not given are delivered again: what is amiss is amiss for all of them. */
const amissMs = { "no-handler": 5_000, "not-found": 5_000, overloaded: 2_000 } as const;
const maxBackoffMs = 60_000;
/** A message is in memory as it came, and parsed. */
const copies = 2;
/** How long a queue takes nothing more when its worker holds too much; twice as long each time that this was in vain. */
const stallMs = { first: 1_000, longest: 60_000 } as const;
const backoffMs = [1_000, 5_000, 15_000, maxBackoffMs];

interface Pending extends HeldMessage {
  readonly since: number;
  readonly memory: Disposable;
  readonly settled: () => void;
}

/**
 * Takes one queue's messages from the bus and gives them to its worker, batch by batch. Nothing is acknowledged before what
 * is to become of it is stored.
 */
export class QueueConsumer implements AsyncDisposable {
  readonly #options: QueueConsumerOptions;
  readonly #queue: QueueDelivery;
  readonly #ackWaitMs: number;
  readonly #stop = new AbortController();
  readonly #abandon = new AbortController();
  readonly #started: Promise<Consumption | undefined>;
  #pending: Pending[] = [];
  readonly #held = new Set<Pending>();
  #running = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #beat: ReturnType<typeof setInterval> | undefined;
  #stall: Promise<void> | undefined;
  #stallMs: number = stallMs.first;
  #stalledAt = Number.NEGATIVE_INFINITY;

  constructor(queue: QueueDelivery, options: QueueConsumerOptions) {
    this.#queue = queue;
    this.#options = options;
    this.#ackWaitMs = options.ackWaitMs ?? 30_000;
    this.#started = this.#start();
  }

  get queue(): QueueDelivery {
    return this.#queue;
  }

  /** Resolves once there is a consumer on the bus, or when it is given up to make one. */
  get started(): Promise<unknown> {
    return this.#started;
  }

  /** Messages in hand. */
  get held(): number {
    return this.#held.size;
  }

  /** Takes no more, gives back what no worker has yet, and waits for the others' batches to end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    for (const pending of this.#pending.splice(0)) this.#giveBack(pending, 0);
    await (await this.#started)?.[Symbol.asyncDispose]();
    clearInterval(this.#beat);
  }

  /** Waits for no batch any longer: what is not settled is delivered again, and not counted. */
  abandon(): void {
    this.#stop.abort();
    this.#abandon.abort();
    for (const held of [...this.#held]) this.#giveBack(held, 0);
  }

  get #definition(): ConsumerDefinition {
    const { queueId, maxBatchSize, maxConcurrency } = this.#queue;
    return {
      stream: streams.queues.name,
      name: queueConsumerName(queueId),
      subject: queueSubject(queueId),
      inFlight: Math.max(maxBatchSize, Math.min(maxHeld, maxBatchSize * this.#batchesAtATime)),
      maxUnacknowledged: maxBatchSize * (maxConcurrency ?? queueLimits.maxConcurrency),
      ackWaitMs: this.#ackWaitMs,
      backoffMs,
    };
  }

  get #batchesAtATime(): number {
    return Math.min(this.#queue.maxConcurrency ?? batchesAtATime, maxBatchesAtATime);
  }

  async #start(): Promise<Consumption | undefined> {
    const { bus, report, declared } = this.#options;
    await declared;
    for (let attempt = 0; !this.#stop.signal.aborted; attempt++) {
      try {
        return await bus.consume(this.#definition, (message) => this.#take(message));
      } catch (thrown) {
        const { queue, queueId } = this.#queue;
        report("A queue's messages cannot be taken yet.", { queue, queueId, error: messageOf(thrown) });
        await Bun.sleep(Math.min(250 * 2 ** attempt, 5_000));
      }
    }
    return undefined;
  }

  /** Resolves when the message is settled. */
  #take(delivery: Message): Promise<void> {
    let message: QueueMessage;
    try {
      message = decodePayload(queueMessageSchema, delivery.payload);
    } catch (thrown) {
      const { queue, queueId } = this.#queue;
      if (isFromLaterRelease(delivery.payload)) {
        this.#failed("A queue's message is of a later release, and left to it.", thrown);
        delivery.retry(maxBackoffMs);
        return Promise.resolve();
      }
      this.#options.report("What lies in a queue is no message, and is dropped.", {
        ...{ queue, queueId, id: delivery.id, error: messageOf(thrown) },
      });
      delivery.drop();
      return Promise.resolve();
    }
    const memory = this.#options.memory.take(this.#queue.workerId, copies * delivery.payload.byteLength);
    if (memory === undefined) {
      delivery.retry(stallMs.first);
      return this.#stalled();
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const pending = { message, delivery, memory, since: performance.now(), settled: resolve };
    this.#held.add(pending);
    if (this.#stop.signal.aborted) {
      this.#giveBack(pending, 0);
      return promise;
    }
    this.#pending.push(pending);
    this.#beat ??= setInterval(() => this.#showLife(), this.#ackWaitMs / 3);
    this.#pump();
    return promise;
  }

  /** Keeps the bus from handing over what there is no room for: it counts as being handled until then. */
  #stalled(): Promise<void> {
    this.#stall ??= this.#wait().finally(() => {
      this.#stall = undefined;
      this.#stalledAt = performance.now();
    });
    return this.#stall;
  }

  async #wait(): Promise<void> {
    const inVain = performance.now() - this.#stalledAt < this.#stallMs;
    this.#stallMs = inVain ? Math.min(2 * this.#stallMs, stallMs.longest) : stallMs.first;
    const { promise, resolve } = Promise.withResolvers<void>();
    const { signal } = this.#stop;
    const timer = setTimeout(resolve, this.#stallMs);
    const stop = () => resolve();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) resolve();
    await promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }

  #showLife(): void {
    for (const { delivery } of this.#held) delivery.working();
    if (this.#held.size > 0) return;
    clearInterval(this.#beat);
    this.#beat = undefined;
  }

  /** Begins every batch that is full, or whose first message has waited long enough. */
  #pump(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { maxBatchSize, maxBatchTimeout } = this.#queue;
    while (this.#running < this.#batchesAtATime) {
      const [first] = this.#pending;
      if (first === undefined || this.#stop.signal.aborted) return;
      const waitMs = first.since + maxBatchTimeout * 1_000 - performance.now();
      if (this.#pending.length < maxBatchSize && waitMs > 0) {
        this.#timer = setTimeout(() => this.#pump(), Math.ceil(waitMs));
        return;
      }
      this.#running += 1;
      void this.#deliver(this.#pending.splice(0, maxBatchSize)).finally(() => {
        this.#running -= 1;
        this.#pump();
      });
    }
  }

  async #deliver(batch: readonly Pending[]): Promise<void> {
    const { dispatch, turn } = this.#options;
    const { workerId, queue } = this.#queue;
    const { signal } = this.#stop;
    let end: QueueEnd;
    try {
      using _turn = await turn(this.#queue, signal);
      end = await dispatch.queue(
        {
          workerId,
          queue,
          wallMs: queueLimits.wallMs,
          messages: batch.map(({ message: { id, sentAt, attempts, contentType, body } }) => ({
            ...{ id, sentAt, contentType },
            attempts: attempts + 1,
            body: Buffer.from(body, "base64"),
          })),
        },
        // Not the other one: a batch that is cut off for a change of settings would count as failed.
        this.#abandon.signal,
      );
    } catch (thrown) {
      // The worker has not begun.
      if (!signal.aborted) this.#failed("A batch could not be delivered.", thrown);
      for (const pending of batch) this.#giveBack(pending, signal.aborted ? 0 : amissMs.overloaded);
      return;
    }
    const { outcome } = end;
    if (outcome === "no-handler" || outcome === "not-found" || outcome === "overloaded") {
      for (const pending of batch) this.#giveBack(pending, amissMs[outcome]);
      return;
    }
    await Promise.all(batch.map((pending) => this.#settle(pending, end)));
  }

  async #settle(pending: Pending, { retries }: QueueEnd): Promise<void> {
    // Somebody else may have it by now.
    if (!this.#held.has(pending)) return;
    const retry = retries.get(pending.message.id);
    try {
      let settled: Settled = "acknowledged";
      if (retry === undefined) await pending.delivery.ack();
      else settled = await settleFailed(pending, this.#queue, retry.delaySeconds, this.#options);
      this.#options.onSettled(this.#queue, pending.message, settled);
      this.#release(pending);
    } catch (thrown) {
      this.#failed("What became of a queue's message could not be stored; it is delivered again.", thrown);
      const delayMs = (retry?.delaySeconds ?? 0) * 1_000;
      this.#giveBack(pending, delayMs > maxBackoffMs ? delayMs : undefined);
    }
  }

  #failed(what: string, thrown: unknown): void {
    const { queue, queueId } = this.#queue;
    this.#options.report(what, { queue, queueId, error: messageOf(thrown) });
  }

  /** To be delivered again, without being counted. */
  #giveBack(pending: Pending, delayMs: number | undefined): void {
    if (!this.#held.has(pending)) return;
    pending.delivery.retry(delayMs);
    this.#release(pending);
  }

  #release(pending: Pending): void {
    this.#held.delete(pending);
    pending.memory[Symbol.dispose]();
    pending.settled();
  }
}
