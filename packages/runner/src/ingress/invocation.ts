import type { InvocationRecord, Outcome, RequestId } from "@openworkers/core";
import type { Target } from "../cells/target.ts";
import type { RequestHead } from "./http/request-head.ts";

export interface InvocationEnd {
  readonly requestId: RequestId;
  readonly status: number;
  readonly outcome: Outcome;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly coldStart: boolean;
  readonly trigger: InvocationRecord["trigger"];
}

/** The record of one request to a worker, as it ended. The query is left out: it is where secrets travel. */
export function invocationRecord(
  target: Target,
  head: Pick<RequestHead, "method" | "hostname" | "target">,
  end: InvocationEnd,
): InvocationRecord {
  const query = head.target.indexOf("?");
  return {
    kind: "invocation",
    trigger: end.trigger,
    time: Date.now() - end.wallMs,
    workerId: target.workerId,
    worker: target.worker,
    versionId: target.versionId,
    version: target.version,
    requestId: end.requestId,
    method: head.method,
    host: head.hostname,
    path: query < 0 ? head.target : head.target.slice(0, query),
    status: end.status,
    outcome: end.outcome,
    wallMs: end.wallMs,
    cpuMs: end.cpuMs,
    coldStart: end.coldStart,
  };
}
