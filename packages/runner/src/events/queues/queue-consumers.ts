import type { Bus } from "@openworkers/bus";
import {
  isOpenWorkersError,
  type LogSink,
  type QueueId,
  type QueueMessage,
  queueConsumerName,
  queueSubject,
  type Report,
  streams,
  type WorkerId,
} from "@openworkers/core";
import { type Database, finishPurge, type QueueDelivery, type QueuePurge } from "@openworkers/db";
import { QueueRoom } from "../../bindings/queue/queue-room.ts";
import { FairTurns } from "../../bindings/shares/fair-turns.ts";
import type { Target } from "../../cells/target.ts";
import type { EventDispatch } from "../dispatch.ts";
import { HeldBytes } from "./held-bytes.ts";
import { QueueConsumer } from "./queue-consumer.ts";
import { QueueFeed } from "./queue-feed.ts";
import type { Settled } from "./settle.ts";

export interface QueueConsumersOptions {
  readonly database: Database;
  readonly bus: Bus;
  readonly dispatch: Pick<EventDispatch, "queue">;
  /** For the worker's own log, which names a version. */
  readonly router: { choose(workerId: WorkerId, versionKey: string | undefined): Target | undefined };
  readonly logs: LogSink;
  readonly report: Report;
  readonly resyncMs?: number;
  /** Memory for messages in hand. Default 256 MiB. */
  readonly heldBytes?: number;
  /** As of `QueueConsumer`. */
  readonly ackWaitMs?: number;
}

export interface QueueStats {
  /** Queues that are taken from. */
  readonly queues: number;
  /** Messages in hand. */
  readonly held: number;
  /** What their bodies take. */
  readonly heldBytes: number;
  /** Messages by what became of them, since the start. */
  readonly settled: Readonly<Record<Settled, number>>;
}

/** Batches that a runner works on at a time, and how many of them may be of one worker. */
const turns = 64;
const turnsPerWorker = 16;
/** A batch that takes longer leaves its turn to others. */
const longMs = 2_000;

/** Delivers the messages of all queues that have a consumer, as the database has them, until it is disposed of. */
export class QueueConsumers implements AsyncDisposable {
  readonly #options: QueueConsumersOptions;
  readonly #turns = new FairTurns({ count: turns, perWorker: turnsPerWorker, maxWaiting: 100_000, longMs });
  readonly #memory: HeldBytes;
  readonly #room: QueueRoom;
  readonly #consumers = new Map<QueueId, QueueConsumer>();
  readonly #ending = new Set<Promise<void>>();
  readonly #settled: Record<Settled, number> = { acknowledged: 0, retried: 0, dead: 0, dropped: 0 };
  readonly #leaving = new Set<QueueConsumer>();
  readonly #stop = new AbortController();
  readonly #declared: Promise<void>;
  #feed: QueueFeed | undefined;
  #wanted: ReadonlyMap<QueueId, QueueDelivery> = new Map();
  #draining = false;

  private constructor(options: QueueConsumersOptions) {
    this.#options = options;
    this.#memory = new HeldBytes(options.heldBytes ?? 256 * 2 ** 20);
    this.#room = new QueueRoom(options.bus, options.database);
    this.#declared = this.#declare();
  }

  /** Begins as soon as the bus answers. @throws OpenWorkersError DATABASE_UNAVAILABLE */
  static async start(options: QueueConsumersOptions): Promise<QueueConsumers> {
    const consumers = new QueueConsumers(options);
    consumers.#feed = await QueueFeed.start({
      database: options.database,
      onDeliveries: (deliveries) => consumers.#use(deliveries),
      onPurge: (purge) => consumers.#purge(purge),
      report: options.report,
      ...(options.resyncMs === undefined ? {} : { resyncMs: options.resyncMs }),
    });
    return consumers;
  }

  stats(): QueueStats {
    let held = 0;
    for (const consumer of [...this.#consumers.values(), ...this.#leaving]) held += consumer.held;
    return {
      queues: this.#consumers.size,
      held,
      heldBytes: this.#memory.used,
      settled: { ...this.#settled },
    };
  }

  /** Whether messages of the queue are taken by now, as the database has it. */
  delivers(queueId: QueueId): boolean {
    return this.#consumers.has(queueId) || this.#isLeaving(queueId);
  }

  /** Takes no more messages, and waits until the batches under way have ended, or `signal` aborts. */
  async drain({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    this.#draining = true;
    this.#stop.abort();
    const ending = [...this.#consumers].map(([queueId, consumer]) => this.#end(queueId, consumer));
    const { promise, resolve } = Promise.withResolvers<void>();
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
    await Promise.race([Promise.all([...ending, ...this.#ending]), promise]);
  }

  /** Batches under way are not waited for: their messages are delivered again. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#draining = true;
    this.#stop.abort();
    await this.#feed?.[Symbol.asyncDispose]();
    for (const consumer of [...this.#consumers.values(), ...this.#leaving]) consumer.abandon();
    await Promise.all([
      ...[...this.#consumers].map(([queueId, consumer]) => this.#end(queueId, consumer)),
      ...this.#ending,
    ]);
  }

  async #declare(): Promise<void> {
    const { bus, report } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        return await bus.declare(streams.queues);
      } catch (error) {
        report("The queues' stream cannot be declared yet.", { error });
        await Bun.sleep(1_000);
      }
    }
  }

  #use(deliveries: readonly QueueDelivery[]): void {
    if (this.#draining) return;
    this.#wanted = new Map(deliveries.map((delivery) => [delivery.queueId, delivery]));
    for (const [queueId, consumer] of this.#consumers) {
      const wanted = this.#wanted.get(queueId);
      if (wanted === undefined || !sameDelivery(wanted, consumer.queue)) void this.#end(queueId, consumer);
    }
    for (const delivery of this.#wanted.values()) this.#begin(delivery);
  }

  #begin(delivery: QueueDelivery): void {
    const { queueId } = delivery;
    if (this.#consumers.has(queueId)) return;
    // Until its batches have ended they count against what may be worked on at a time.
    if (delivery.maxConcurrency !== null && this.#isLeaving(queueId)) return;
    const { ackWaitMs } = this.#options;
    this.#consumers.set(
      queueId,
      new QueueConsumer(delivery, {
        ...this.#options,
        declared: this.#declared,
        memory: this.#memory,
        room: this.#room,
        turn: ({ workerId }, signal) => this.#turns.take(workerId, signal),
        onSettled: (queue, message, settled) => {
          this.#settled[settled] += 1;
          if (settled === "dropped") this.#dropped(queue, message);
        },
        ...(ackWaitMs === undefined ? {} : { ackWaitMs }),
      }),
    );
  }

  #isLeaving(queueId: QueueId): boolean {
    return [...this.#leaving].some(({ queue }) => queue.queueId === queueId);
  }

  #end(queueId: QueueId, consumer: QueueConsumer): Promise<void> {
    this.#consumers.delete(queueId);
    this.#leaving.add(consumer);
    const ending = consumer[Symbol.asyncDispose]()
      .catch((error: unknown) => this.#options.report("A queue could not be let go of.", { queueId, error }))
      .finally(() => {
        this.#leaving.delete(consumer);
        this.#ending.delete(ending);
        const wanted = this.#wanted.get(queueId);
        if (wanted !== undefined && !this.#draining) this.#begin(wanted);
      });
    this.#ending.add(ending);
    return ending;
  }

  /** A queue that was deleted since it was read what is to be delivered: nobody would remove a consumer that we make now. */
  async #forget(queueId: QueueId): Promise<void> {
    this.#wanted = new Map([...this.#wanted].filter(([id]) => id !== queueId));
    const consumer = this.#consumers.get(queueId);
    if (consumer === undefined) return;
    void this.#end(queueId, consumer);
    await consumer.started;
  }

  async #purge(purge: QueuePurge): Promise<void> {
    const { bus, database } = this.#options;
    const { queueId, deleted } = purge;
    if (deleted) {
      await this.#forget(queueId);
      await bus.removeConsumer(streams.queues.name, queueConsumerName(queueId));
    }
    try {
      await bus.purge(streams.queues.name, queueSubject(queueId));
    } catch (thrown) {
      // No stream, no messages.
      if (!isOpenWorkersError(thrown, "NOT_FOUND")) throw thrown;
    }
    await finishPurge(database, purge);
  }

  #dropped({ workerId, queue, maxRetries }: QueueDelivery, { id }: QueueMessage): void {
    const target = this.#options.router.choose(workerId, undefined);
    if (target === undefined) return;
    const { worker, versionId, version } = target;
    this.#options.logs.emit({
      ...{ kind: "line", time: Date.now(), workerId, worker, versionId, version, level: "error" },
      message: `The message ${id} of the queue ${queue} was delivered ${maxRetries + 1} times without success and is dropped: the queue has no dead-letter queue.`,
    });
  }
}

function sameDelivery(a: QueueDelivery, b: QueueDelivery): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
