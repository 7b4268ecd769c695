import type { Outcome, RequestId } from "@openworkers/core";
import type { Target } from "../cells/target.ts";
import type { Asker } from "../subrequests/budget.ts";
import type { Attributes, Invocation, Joined, Span, Tracer } from "../tracing/span.ts";
import { spanMethod } from "../tracing/span-method.ts";
import type { IngressContext } from "./context.ts";
import type { RequestHead } from "./http/request-head.ts";

interface Begun {
  readonly requestId: RequestId;
  readonly trusted: boolean;
}

/** What every invocation of `target` is recorded with. */
export function invocationAttributes(target: Target, requestId: RequestId, trigger: string): Attributes {
  return {
    "faas.name": target.worker,
    "faas.version": String(target.version),
    "faas.invocation_id": requestId,
    "faas.trigger": trigger,
  };
}

/** The span of a request to `target`; undefined when it is not recorded. */
export function beginRequest(
  context: IngressContext,
  target: Target,
  head: RequestHead,
  { requestId, trusted }: Begun,
  startedAt: number,
): Span | undefined {
  const { tracer, service } = context;
  if (tracer === undefined) return undefined;
  const asker = service?.budget.asker(head.requestId);
  const joined = service === undefined ? tracer.join(head.traceparent, trusted) : undefined;
  const query = head.target.indexOf("?");
  const method = spanMethod(head.method);
  const attributes = {
    ...invocationAttributes(target, requestId, "http"),
    "http.request.method": method,
    // The query is left out: it is where secrets travel.
    "url.path": query < 0 ? head.target : head.target.slice(0, query),
    "server.address": head.hostname,
  };
  const name = `${method} ${target.worker}`;
  return begin(tracer, asker, { name, kind: "request", attributes, startedAt }, joined);
}

/** The span of the call of a method of `target`; undefined when it is not recorded. */
export function beginCall(
  { tracer, service }: IngressContext,
  target: Target,
  requestId: RequestId,
  startedAt: number,
): Span | undefined {
  if (tracer === undefined) return undefined;
  const attributes = { ...invocationAttributes(target, requestId, "other"), "rpc.system": "capnp" };
  const name = `call ${target.worker}`;
  return begin(tracer, service?.budget.asker(undefined), { name, kind: "request", attributes, startedAt });
}

/** What a worker asks of another one is recorded if it is known to be part of what is. */
function begin(tracer: Tracer, asker: Asker | undefined, invocation: Invocation, joined?: Joined) {
  if (asker === undefined) return tracer.begin(invocation, joined);
  if (asker.span === undefined) return undefined;
  return tracer.begin(invocation, { parent: asker.span.context, decides: true });
}

/** What `Span.end` is told of an invocation; `status` is 0 when it was no request, `outcome` undefined when none began. */
export function requestEnd(
  outcome: Outcome | "no-handler" | undefined,
  status: number,
  cpuMs: number,
  coldStart: boolean,
): [Attributes, string | undefined] {
  const failed = outcome !== undefined && outcome !== "ok" && outcome !== "canceled";
  return [
    {
      ...(status === 0 ? {} : { "http.response.status_code": status }),
      ...(outcome === undefined ? {} : { "openworkers.outcome": outcome }),
      "openworkers.cpu_ms": cpuMs,
      "faas.coldstart": coldStart,
    },
    failed ? outcome : status >= 500 ? String(status) : undefined,
  ];
}
