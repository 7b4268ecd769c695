import type { Bus } from "@openworkers/bus";
import {
  encodePayload,
  isOpenWorkersError,
  type ScheduledResult,
  scheduledResultSubject,
} from "@openworkers/core";
import { pause } from "../pause.ts";

export interface ScheduledResultsOptions {
  readonly bus: Pick<Bus, "publish">;
  /** What an operator should read. Never throws. */
  readonly report: (message: string, details: Record<string, unknown>) => void;
}

/** Results that are on their way to the bus at a time: what is due meanwhile should not have to wait for thousands. */
const atOnce = 256;
const pauseMs = 1_000;

interface Waiting {
  readonly result: ScheduledResult;
  readonly told: PromiseWithResolvers<void>;
}

/** Sends the scheduler how runs ended. */
export class ScheduledResults {
  readonly #options: ScheduledResultsOptions;
  readonly #cut: AbortSignal;
  #waiting: Waiting[] = [];
  #sending = 0;

  /** @param cut from when on nobody waits for a bus that is away */
  constructor(options: ScheduledResultsOptions, cut: AbortSignal) {
    this.#options = options;
    this.#cut = cut;
    cut.addEventListener("abort", () => this.#send(), { once: true });
  }

  /**
   * Resolves once the bus has it, however long that takes.
   *
   * @throws OpenWorkersError BUS_UNAVAILABLE only after `cut`: then it runs once more elsewhere
   */
  async tell(result: ScheduledResult): Promise<void> {
    const told = Promise.withResolvers<void>();
    this.#waiting.push({ result, told });
    this.#send();
    await told.promise;
  }

  #send(): void {
    const room = this.#cut.aborted ? this.#waiting.length : atOnce - this.#sending;
    if (room <= 0) return;
    for (const { result, told } of this.#waiting.splice(0, room)) {
      this.#sending += 1;
      told.resolve(
        this.#publish(result).finally(() => {
          this.#sending -= 1;
          this.#send();
        }),
      );
    }
  }

  async #publish(result: ScheduledResult): Promise<void> {
    const { bus, report } = this.#options;
    const subject = scheduledResultSubject(result.workerId);
    const id = `${result.eventId}:${result.attempt}:${result.requestId}`;
    for (;;) {
      try {
        await bus.publish(subject, encodePayload(result), { id });
        return;
      } catch (error) {
        if (this.#cut.aborted || !isOpenWorkersError(error, "BUS_UNAVAILABLE")) throw error;
        report("How a cron ended could not be told yet.", { error });
        await pause(pauseMs, this.#cut);
      }
    }
  }
}
