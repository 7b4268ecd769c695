import { type InvocationRecord, type LogSink, newId, type RequestId, type WorkerId } from "@openworkers/core";
import type { Dispatcher } from "../cells/lease.ts";
import type { Target } from "../cells/target.ts";
import { invocationAttributes, requestEnd } from "../ingress/request-span.ts";
import { UpstreamPool } from "../ingress/upstream.ts";
import type { Tracer } from "../tracing/span.ts";
import type { EventDispatch, EventEnd } from "./dispatch.ts";
import { queueRequest, scheduledRequest } from "./encode-event.ts";
import { retriesOf } from "./event-answer.ts";
import { EventCall, type EventCallEnd } from "./event-call.ts";

export interface EventDispatchOptions {
  readonly router: {
    /** The version of a worker that takes an event; undefined when none is live. */
    choose(workerId: WorkerId, versionKey: string | undefined): Target | undefined;
  };
  readonly dispatcher: Dispatcher;
  readonly logs: LogSink;
  /** Without it, nothing is recorded of what a run does. */
  readonly tracer?: Tracer | undefined;
  /** What an operator should read. Never throws. */
  readonly report: (message: string, details: Record<string, unknown>) => void;
}

interface Run {
  readonly workerId: WorkerId;
  readonly wallMs: number;
  readonly trigger: InvocationRecord["trigger"];
  /** The cron's expression, or the queue's name. */
  readonly event: string;
  readonly request: (requestId: RequestId) => Buffer;
}

/** Runs events in the cells that also answer requests: in the same places, under the same limits. */
export function createEventDispatch(options: EventDispatchOptions): EventDispatch {
  const { router, dispatcher, logs, tracer, report } = options;
  // An event's connection is its own: its end tells the cell that nobody waits any more.
  const context = { dispatcher, pool: new UpstreamPool(report, 0), report };

  async function run(given: Run, signal: AbortSignal): Promise<[EventEnd, EventCallEnd["answer"]]> {
    signal.throwIfAborted();
    const { workerId, wallMs } = given;
    const requestId = newId<"request">();
    const target = router.choose(workerId, undefined);
    if (target === undefined) return [gone(requestId), undefined];
    const request = given.request(requestId);
    const span = tracer?.begin({
      name: `${given.trigger} ${target.worker}`,
      kind: "event",
      attributes: invocationAttributes(target, requestId, given.trigger === "queue" ? "pubsub" : "timer"),
      startedAt: performance.now(),
    });
    const call = new EventCall(context, { target, requestId, request, wallMs, span, signal });
    const end = await call.run().catch((thrown: unknown) => {
      span?.end({}, "canceled");
      throw thrown;
    });
    span?.end(...requestEnd(end.outcome, 0, end.cpuMs, end.coldStart));
    record(given, target, requestId, end);
    const { outcome, startedAt, cpuMs, error, answer } = end;
    return [
      {
        ...{ requestId, outcome, startedAt, wallMs: end.wallMs, cpuMs },
        ...(error === undefined ? {} : { error }),
        noRetry: outcome === "no-handler" || answer?.noRetry === true,
      },
      answer,
    ];
  }

  function record({ trigger, event }: Run, target: Target, requestId: RequestId, end: EventCallEnd): void {
    const { workerId, worker, versionId, version } = target;
    const of = { workerId, worker, versionId, version, requestId };
    const { outcome, startedAt, wallMs, cpuMs, coldStart, error = "" } = end;
    // Of the other limits the supervisor tells, when it ends the cell.
    if (outcome === "wall-limit") {
      logs.emit({ ...of, kind: "line", time: Date.now(), level: "error", message: error });
    }
    logs.emit({
      ...of,
      ...{ kind: "invocation", trigger, event, time: startedAt, outcome, wallMs, cpuMs, coldStart },
      ...{ method: "", host: "", path: "", status: 0 },
    });
  }

  return {
    async scheduled(given, signal) {
      const { workerId, wallMs, cron } = given;
      const request = (requestId: RequestId) => scheduledRequest(given, requestId);
      const [end] = await run({ workerId, wallMs, trigger: "scheduled", event: cron, request }, signal);
      return end;
    },
    async queue(given, signal) {
      const { workerId, wallMs, queue, messages } = given;
      const request = (requestId: RequestId) => queueRequest(given, requestId);
      const asked = { workerId, wallMs, trigger: "queue", event: queue, request } as const;
      const [end, answer] = await run(asked, signal);
      return { ...end, retries: retriesOf(messages, answer) };
    },
  };
}

function gone(requestId: RequestId): EventEnd {
  return {
    requestId,
    outcome: "not-found",
    startedAt: Date.now(),
    wallMs: 0,
    cpuMs: 0,
    error: "No version of the worker is live.",
    noRetry: false,
  };
}
