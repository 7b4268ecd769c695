import type { Bus, Consumption, Message } from "@openworkers/bus";
import {
  decodePayload,
  maxEarlyMs,
  type ScheduledEvent,
  type ScheduledResult,
  scheduledConsumer,
  scheduledEventSchema,
  streams,
} from "@openworkers/core";
import { pause } from "../pause.ts";
import type { EventDispatch, EventEnd, ScheduledRun } from "./dispatch.ts";
import { DueTimes } from "./due-times.ts";
import { EventTurns } from "./event-turns.ts";
import { ScheduledResults } from "./scheduled-results.ts";

export interface ScheduledConsumerOptions {
  readonly bus: Bus;
  readonly dispatch: Pick<EventDispatch, "scheduled">;
  /** What an operator should read. Never throws. */
  readonly report: (message: string, details: Record<string, unknown>) => void;
  /** Runs at a time in this runner. Default 256. */
  readonly concurrency?: number;
  /** Of them, one worker's. Default 64. */
  readonly perWorker?: number;
  /** Events that are here, running or waiting, some of them ahead of their time; half a kilobyte each. Default 16,384. */
  readonly capacity?: number;
}

const giveBackMs = 10_000;
const maxGiveBackMs = 60_000;
/** How often a run that finds no place is tried anew before its scheduler hears of it. */
const maxDeliveriesWithoutPlace = 5;
/** A worker that is not known yet may have been deployed a moment ago. */
const unknownWorkerMs = 1_000;
const declarePauseMs = 1_000;
/** Events whose acknowledgement was lost. */
const maxRemembered = 10_000;

const consumer = {
  stream: streams.scheduled.name,
  name: scheduledConsumer,
  subject: streams.scheduled.subject,
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
  readonly #turns: EventTurns;
  readonly #due = new DueTimes();
  readonly #results: ScheduledResults;
  /** By the message's id: a delivery that comes again before it was acknowledged is not run again. */
  readonly #running = new Map<string, Promise<Handled>>();
  /** Deliveries of an event from which nothing came, as far as this runner knows. */
  readonly #idle = new Map<string, number>();
  readonly #stopping = new AbortController();
  /** Ends the running. */
  readonly #cutting = new AbortController();
  readonly #consumption: Promise<Consumption | undefined>;

  /** Begins as soon as the bus answers. */
  constructor(options: ScheduledConsumerOptions) {
    this.#options = options;
    const { concurrency = 256, perWorker = 64, capacity = 16_384 } = options;
    this.#turns = new EventTurns({ concurrency, perWorker, capacity });
    this.#results = new ScheduledResults(options, this.#cutting.signal);
    this.#consumption = this.#begin(capacity);
  }

  /** Takes no more events and lets those that run finish, until `signal` aborts; then they are given back. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#stopping.abort();
    this.#turns[Symbol.dispose]();
    this.#due[Symbol.dispose]();
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

  async #begin(inFlight: number): Promise<Consumption | undefined> {
    const { bus, report } = this.#options;
    while (!this.#stopping.signal.aborted) {
      try {
        await bus.declare(streams.scheduled);
        await bus.declare(streams.scheduledResults);
        return await bus.consume({ ...consumer, inFlight }, (message) => this.#take(message));
      } catch (error) {
        report("Crons do not run here: the bus is not to be had.", { error });
        await pause(declarePauseMs, this.#stopping.signal);
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
    const working = setInterval(() => message.working(), consumer.ackWaitMs / 3);
    try {
      await this.#once(event, message);
    } finally {
      clearInterval(working);
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
    const { deliveries } = message;
    let end: EventEnd;
    const now = Date.now();
    if (scheduledTime > now) await this.#due.until(Math.min(scheduledTime, now + maxEarlyMs));
    {
      using turn = await this.#turns.take(workerId);
      if (turn === undefined) {
        return this.#giveBack(message, Math.min(giveBackMs * deliveries, maxGiveBackMs));
      }
      const run = { workerId, cron, scheduledTime, wallMs };
      const ended = await this.#dispatch(run);
      if (ended === undefined) return this.#giveBack(message, 0);
      end = ended;
    }
    const { outcome } = end;
    if (outcome === "canceled") {
      message.retry(0);
      return "given-back";
    }
    if (outcome === "not-found" && deliveries === 1) return this.#giveBack(message, unknownWorkerMs);
    if (outcome === "overloaded" && deliveries < maxDeliveriesWithoutPlace) return this.#giveBack(message);
    const begun = deliveries - 1 - (this.#idle.get(message.id) ?? 0);
    this.#idle.delete(message.id);
    // What is due begins first, however many end meanwhile.
    await this.#due.begun();
    await this.#results.tell(resultOf(event, end, begun > 0));
    return "known";
  }

  /** Undefined when the runner stopped before the worker had begun. */
  async #dispatch(run: ScheduledRun): Promise<EventEnd | undefined> {
    const { signal } = this.#cutting;
    try {
      return await this.#options.dispatch.scheduled(run, signal);
    } catch (thrown) {
      if (signal.aborted) return undefined;
      throw thrown;
    }
  }

  /** Another runner, or a later time, is to have what did not begin here. */
  #giveBack(message: Message, delayMs?: number): "given-back" {
    message.retry(this.#stopping.signal.aborted ? 0 : delayMs);
    const times = this.#idle.get(message.id) ?? 0;
    this.#idle.delete(message.id);
    this.#idle.set(message.id, times + 1);
    // The oldest is forgotten: another runner has taken it, most likely.
    const [oldest] = this.#idle.size > maxRemembered ? this.#idle.keys() : [];
    if (oldest !== undefined) this.#idle.delete(oldest);
    return "given-back";
  }
}

function resultOf(event: ScheduledEvent, end: EventEnd, redelivered: boolean): ScheduledResult {
  const { eventId, cronId, workerId, attempt } = event;
  return { v: 1, eventId, cronId, workerId, attempt, ...end, redelivered };
}
