import type { Bus, Consumption } from "@openworkers/bus";
import {
  decodePayload,
  encodePayload,
  newId,
  type ScheduledEvent,
  type ScheduledResult,
  scheduledConsumer,
  scheduledEventSchema,
  scheduledResultSubject,
  streams,
} from "@openworkers/core";

/** An attempt that a runner was given, and when. */
export interface TestRun extends ScheduledEvent {
  readonly at: number;
  readonly redelivered: boolean;
}

/** What a run comes to, where that is not a success of no duration; a promise makes the run last. */
export type Behaviour = (
  event: ScheduledEvent,
) => Partial<ScheduledResult> | Promise<Partial<ScheduledResult>>;

/** Takes events off the bus as a runner does, and answers with results; there are no cells behind it. */
export class TestRunner implements AsyncDisposable {
  readonly runs: TestRun[] = [];
  readonly #consumption: Consumption;

  private constructor(consumption: Consumption, runs: TestRun[]) {
    this.#consumption = consumption;
    this.runs = runs;
  }

  static async start(bus: Bus, behave: Behaviour = () => ({})): Promise<TestRunner> {
    const runs: TestRun[] = [];
    await bus.declare(streams.scheduled);
    await bus.declare(streams.scheduledResults);
    const consumption = await bus.consume(
      {
        stream: streams.scheduled.name,
        name: scheduledConsumer,
        subject: streams.scheduled.subject,
        inFlight: 500,
        maxUnacknowledged: 5_000,
        ackWaitMs: 3_000,
        backoffMs: [200],
      },
      async (message) => {
        const event = decodePayload(scheduledEventSchema, message.payload);
        const redelivered = message.deliveries > 1;
        const startedAt = Date.now();
        runs.push({ ...event, at: startedAt, redelivered });
        const end = await behave(event);
        const result: ScheduledResult = {
          v: 1,
          eventId: event.eventId,
          cronId: event.cronId,
          workerId: event.workerId,
          attempt: event.attempt,
          requestId: newId<"request">(),
          startedAt,
          wallMs: Date.now() - startedAt,
          cpuMs: 1,
          outcome: "ok",
          noRetry: false,
          redelivered,
          ...end,
        };
        await bus.publish(scheduledResultSubject(event.workerId), encodePayload(result), {
          id: `${event.eventId}:${event.attempt}:${result.requestId}`,
        });
        await message.ack();
      },
    );
    return new TestRunner(consumption, runs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#consumption[Symbol.asyncDispose]();
  }
}

/** Resolves with what `look` finds, once it is something other than undefined or false. */
export async function eventually<T>(look: () => T | Promise<T>): Promise<NonNullable<Exclude<T, false>>> {
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) {
      return found as NonNullable<Exclude<T, false>>;
    }
    await Bun.sleep(20);
  }
}
