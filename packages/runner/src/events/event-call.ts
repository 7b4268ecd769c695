import { isOpenWorkersError, type Outcome, type RequestId } from "@openworkers/core";
import type { Dispatcher, Lease, Verdict } from "../cells/lease.ts";
import type { Target } from "../cells/target.ts";
import { CellLink, type CellLinkUser } from "../ingress/cell-link.ts";
import { terminated } from "../ingress/problems.ts";
import type { UpstreamPool } from "../ingress/upstream.ts";
import type { Span } from "../tracing/span.ts";
import { AnswerReader, type EventAnswer } from "./event-answer.ts";

export interface EventCallContext {
  readonly dispatcher: Dispatcher;
  readonly pool: UpstreamPool;
  readonly report: (message: string, details: Record<string, unknown>) => void;
}

export interface EventCallOptions {
  readonly target: Target;
  readonly requestId: RequestId;
  /** The whole of what the cell is sent. */
  readonly request: Buffer;
  readonly wallMs: number;
  /** When it is recorded. */
  readonly span?: Span | undefined;
  readonly signal: AbortSignal;
}

export interface EventCallEnd {
  readonly outcome: Outcome | "no-handler";
  /** When the worker began, or when it was given up that it would. Unix milliseconds. */
  readonly startedAt: number;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly coldStart: boolean;
  readonly error: string | undefined;
  /** Undefined when the handler did not come to its end. */
  readonly answer: EventAnswer | undefined;
}

/** A place in a cell is held on to somewhat longer than the event may take: the runner's own timer comes first. */
const holdSlackMs = 5_000;
const maxErrorLength = 1_000;
const maxTimerMs = 2 ** 31 - 1;

/** One event in one cell: from the wait for a place until the handler and its `waitUntil` work have ended. Used once. */
export class EventCall implements CellLinkUser {
  readonly repeatable = false;
  readonly #context: EventCallContext;
  readonly #options: EventCallOptions;
  readonly #link: CellLink;
  readonly #reader = new AnswerReader();
  readonly #end = Promise.withResolvers<EventCallEnd>();
  readonly #onAbort = () => this.#aborted();
  #lease: Lease | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #startedAt = Date.now();
  #since = performance.now();
  #begun = false;
  #done = false;

  constructor(context: EventCallContext, options: EventCallOptions) {
    this.#context = context;
    this.#options = options;
    const { dispatcher, pool, report } = context;
    const holdMs = options.wallMs + holdSlackMs;
    this.#link = new CellLink(
      {
        pool,
        report,
        dispatcher: { acquire: (target, given) => dispatcher.acquire(target, { ...given, holdMs }) },
        socketOf: (lease) => {
          this.#lease = lease;
          return lease.eventsSocket;
        },
      },
      this,
      options.requestId,
      options.signal,
    );
  }

  /** @throws the signal's reason when it aborts before the worker has begun */
  run(): Promise<EventCallEnd> {
    const { signal, target, span } = this.#options;
    if (signal.aborted) return Promise.reject(signal.reason);
    signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#link.open(target, span);
    return this.#end.promise;
  }

  linked(): void {
    this.#begun = true;
    this.#startedAt = Date.now();
    this.#since = performance.now();
    const { wallMs, request } = this.#options;
    this.#timer = setTimeout(() => this.#late(), Math.min(wallMs, maxTimerMs));
    this.#link.write(request);
  }

  received(bytes: Buffer): void {
    const answer = this.#reader.push(bytes);
    if (answer === undefined) return;
    if (answer === "broken") this.#finish("exception", "The worker did not say how the event ended.");
    else this.#finish(answer.outcome, answer.error ?? wordless[answer.outcome], answer);
  }

  drained(): void {}

  broke(): void {}

  lost(verdict: Verdict | undefined): void {
    const reason = verdict?.culprit === true ? verdict.reason : "crashed";
    this.#finish(reason, terminated(reason).message);
  }

  failed(thrown: unknown): void {
    if (this.#done) return;
    if (!isOpenWorkersError(thrown)) {
      this.#report(thrown);
      this.#finish("crashed", terminated("crashed").message);
      return;
    }
    const outcome = outcomes.get(thrown.code);
    if (outcome === undefined) this.#report(thrown);
    this.#finish(outcome ?? "crashed", thrown.message);
  }

  #late(): void {
    this.#finish("wall-limit", `The worker took longer than ${this.#options.wallMs} ms.`);
  }

  #aborted(): void {
    if (this.#begun) {
      this.#finish("canceled", "The runner stopped before the worker had ended.");
      return;
    }
    this.#close();
    this.#end.reject(this.#options.signal.reason);
  }

  #finish(outcome: EventCallEnd["outcome"], error: string | undefined, answer?: EventAnswer): void {
    if (this.#done) return;
    const wallMs = performance.now() - this.#since;
    const coldStart = this.#lease?.coldStart ?? false;
    this.#close();
    // Read when the place is given up: only then is the bill complete.
    const cpuMs = this.#lease?.cpuMs() ?? 0;
    const startedAt = this.#startedAt;
    const line = error === undefined ? undefined : oneLine(error);
    this.#end.resolve({ outcome, startedAt, wallMs, cpuMs, coldStart, error: line, answer });
  }

  /** The cell sees its client leave, and ends what it still does for it. */
  #close(): void {
    this.#done = true;
    clearTimeout(this.#timer);
    this.#options.signal.removeEventListener("abort", this.#onAbort);
    this.#link.close(false);
  }

  #report(error: unknown): void {
    const { requestId, target } = this.#options;
    this.#context.report("An event could not be given to a worker.", {
      error,
      requestId,
      worker: target.worker,
    });
  }
}

/** A worker's words, as they may stand in anybody's table and terminal. */
function oneLine(text: string): string {
  const [line = ""] = text.split("\n", 1);
  return line
    .slice(0, maxErrorLength)
    .toWellFormed()
    .replace(/\p{Cc}/gu, " ");
}

const wordless: Readonly<Record<EventAnswer["outcome"], string | undefined>> = {
  ok: undefined,
  exception: terminated("exception").message,
  "no-handler": "The worker exports no handler for this event.",
};

/** Why there was no cell; what is not here is the platform's own failure. */
const outcomes: ReadonlyMap<string, Outcome> = new Map([
  ["OVERLOADED", "overloaded"],
  ["DATABASE_UNAVAILABLE", "overloaded"],
  ["CRASH_LOOP", "overloaded"],
  ["START_FAILED", "exception"],
  ["NOT_FOUND", "not-found"],
]);
