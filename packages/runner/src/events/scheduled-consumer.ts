import type { Bus, Consumption, Message } from "@openworkers/bus";
import {
  decodePayload,
  encodePayload,
  isOpenWorkersError,
  maxEarlyMs,
  type ScheduledEvent,
  type ScheduledResult,
  scheduledConsumer,
  scheduledEventSchema,
  scheduledResultSubject,
  streams,
  type WorkerId,
} from "@openworkers/core";
import { FairTurns } from "../bindings/shares/fair-turns.ts";
import type { EventDispatch, EventEnd } from "./dispatch.ts";

export interface ScheduledConsumerOptions {
  readonly bus: Bus;
  readonly dispatch: Pick<EventDispatch, "scheduled">;
  /** What an operator should read. Never throws. */
  readonly report: (message: string, details: Record<string, unknown>) => void;
  /** Runs at a time in this runner. Default 256. */
  readonly concurrency?: number;
  /** Of them, one worker's. Default 64. */
  readonly perWorker?: number;
}

/** Events that one worker may have here, running or waiting: what comes beyond them is given back to the bus. */
const maxHeldPerWorker = 128;
const giveBackMs = 5_000;
const maxGiveBackMs = 60_000;
/** How often a run that finds no place is tried anew before its scheduler hears of it. */
const maxDeliveriesWithoutPlace = 5;
/** A worker that is not known yet may have been deployed a moment ago. */
const unknownWorkerMs = 1_000;
const publishPauseMs = 1_000;
/** Events whose acknowledgement was lost. */
const maxRemembered = 10_000;

const consumer = {
  stream: streams.scheduled.name,
  name: scheduledConsumer,
  subject: streams.scheduled.subject,
  // What comes before its time waits here, so that all of it can begin when it comes.
  inFlight: 10_240,
  maxUnacknowledged: 20_000,
  ackWaitMs: 30_000,
  backoffMs: [1_000, 5_000, 15_000, 60_000],
} as const;

/** What became of a delivery: `known` is a result that the scheduler has been sent. */
type Handled = "known" | "given-back";

/**
 * Takes due crons from the bus, runs them, and sends how they ended before it acknowledges them. However many events
 * one worker has, those of others have their turns beside them.
 */
export class ScheduledConsumer implements AsyncDisposable {
  readonly #options: ScheduledConsumerOptions;
  readonly #turns: FairTurns;
  readonly #held = new Map<WorkerId, number>();
  /** By the message's id: a delivery that comes again before it was acknowledged is not run again. */
  readonly #running = new Map<string, Promise<Handled>>();
  /** Ends the waiting. */
  readonly #stopping = new AbortController();
  /** Ends the running. */
  readonly #cutting = new AbortController();
  readonly #consumption: Promise<Consumption | undefined>;

  /** Begins as soon as the bus answers. */
  constructor(options: ScheduledConsumerOptions) {
    this.#options = options;
    this.#turns = new FairTurns({
      count: options.concurrency ?? 256,
      perWorker: options.perWorker ?? 64,
      maxWaiting: maxHeldPerWorker,
    });
    this.#consumption = this.#begin();
  }

  /** Takes no more events and lets those that run finish, until `signal` aborts; then they are given back. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#stopping.abort();
    const cut = () => this.#cutting.abort();
    if (signal.aborted) cut();
    else signal.addEventListener("abort", cut, { once: true });
    await (await this.#consumption)?.[Symbol.asyncDispose]();
    signal.removeEventListener("abort", cut);
  }

  /** Gives back what runs. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.drain(AbortSignal.abort());
  }

  async #begin(): Promise<Consumption | undefined> {
    const { bus, report } = this.#options;
    while (!this.#stopping.signal.aborted) {
      try {
        await bus.declare(streams.scheduled);
        await bus.declare(streams.scheduledResults);
        return await bus.consume(consumer, (message) => this.#take(message));
      } catch (error) {
        report("Crons do not run here: the bus is not to be had.", { error });
        await pause(publishPauseMs, this.#stopping.signal);
      }
    }
    return undefined;
  }

  async #take(message: Message): Promise<void> {
    const event = this.#decode(message);
    if (event === undefined) {
      message.drop();
      return;
    }
    const { workerId } = event;
    if (this.#stopping.signal.aborted) {
      message.retry(0);
      return;
    }
    const held = this.#held.get(workerId) ?? 0;
    if (held >= maxHeldPerWorker) {
      message.retry(Math.min(giveBackMs * message.deliveries, maxGiveBackMs));
      return;
    }
    this.#held.set(workerId, held + 1);
    const working = setInterval(() => message.working(), consumer.ackWaitMs / 3);
    try {
      await this.#once(event, message);
    } finally {
      clearInterval(working);
      const left = (this.#held.get(workerId) ?? 1) - 1;
      if (left > 0) this.#held.set(workerId, left);
      else this.#held.delete(workerId);
    }
  }

  #decode(message: Message): ScheduledEvent | undefined {
    try {
      return decodePayload(scheduledEventSchema, message.payload);
    } catch (error) {
      this.#options.report("A cron's event is none.", { error, subject: message.subject, id: message.id });
      return undefined;
    }
  }

  async #once(event: ScheduledEvent, message: Message): Promise<void> {
    const before = this.#running.get(message.id);
    if (before !== undefined) {
      if ((await before) !== "known") {
        message.retry(0);
        return;
      }
      await message.ack();
      this.#running.delete(message.id);
      return;
    }
    const handled = this.#run(event, message);
    this.#running.set(message.id, handled);
    let known = false;
    try {
      known = (await handled) === "known";
      if (known) await message.ack();
      this.#running.delete(message.id);
    } catch (error) {
      // With only the acknowledgement lost the event comes again, and is not to run again.
      if (!known || this.#running.size > maxRemembered) this.#running.delete(message.id);
      throw error;
    }
  }

  async #run(event: ScheduledEvent, message: Message): Promise<Handled> {
    const { workerId, cron, scheduledTime, wallMs } = event;
    let end: EventEnd;
    try {
      const earlyMs = scheduledTime - Date.now();
      if (earlyMs > 0) await pause(Math.min(earlyMs, maxEarlyMs), this.#stopping.signal);
      using _turn = await this.#turns.take(workerId, this.#stopping.signal);
      const run = { workerId, cron, scheduledTime, wallMs };
      end = await this.#options.dispatch.scheduled(run, this.#cutting.signal);
    } catch (error) {
      if (!this.#stopping.signal.aborted) throw error;
      message.retry(0);
      return "given-back";
    }
    const { deliveries } = message;
    const { outcome } = end;
    if (outcome === "canceled") message.retry(0);
    else if (outcome === "not-found" && deliveries === 1) message.retry(unknownWorkerMs);
    else if (outcome === "overloaded" && deliveries < maxDeliveriesWithoutPlace) message.retry();
    else {
      await this.#publish(resultOf(event, end, deliveries > 1));
      return "known";
    }
    return "given-back";
  }

  /** @throws OpenWorkersError BUS_UNAVAILABLE only when the runner stops meanwhile: then it runs once more elsewhere */
  async #publish(result: ScheduledResult): Promise<void> {
    const { bus, report } = this.#options;
    const id = `${result.eventId}:${result.attempt}:${result.requestId}`;
    for (;;) {
      try {
        await bus.publish(scheduledResultSubject(result.workerId), encodePayload(result), { id });
        return;
      } catch (error) {
        const { signal } = this.#cutting;
        if (signal.aborted || !isOpenWorkersError(error, "BUS_UNAVAILABLE")) throw error;
        report("How a cron ended could not be told yet.", { error });
        await pause(publishPauseMs, signal);
      }
    }
  }
}

function resultOf(event: ScheduledEvent, end: EventEnd, redelivered: boolean): ScheduledResult {
  const { eventId, cronId, workerId, attempt } = event;
  return { v: 1, eventId, cronId, workerId, attempt, ...end, redelivered };
}

/** Resolves after `ms`, or as soon as `signal` aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (signal.aborted) done();
    else signal.addEventListener("abort", done, { once: true });
  });
}
