import { isOpenWorkersError } from "@openworkers/core";
import type { Target } from "../cells/target.ts";
import type { IngressContext } from "./context.ts";
import type { RequestHead } from "./http/request-head.ts";
import {
  type Answer,
  bodyTooLarge,
  knownMethods,
  maxServiceDepth,
  methodNotSupported,
  serviceGone,
  tooDeep,
  tooMany,
  unknownHost,
} from "./problems.ts";

/** Why a request is not even looked up. A call through a binding is counted for the request that makes it. */
export function refusedBeforeRouting({ service }: IngressContext, head: RequestHead): Answer | undefined {
  if (head.depth >= maxServiceDepth) return tooDeep;
  try {
    service?.budget.spend(head.requestId);
    return undefined;
  } catch (thrown) {
    if (isOpenWorkersError(thrown, "SUBREQUEST_LIMIT")) return tooMany(thrown);
    throw thrown;
  }
}

/** The answer for a request that no worker is for. */
export function nobodyThere({ baseDomain, service }: IngressContext, { hostname }: RequestHead): Answer {
  return service === undefined ? unknownHost(hostname, baseDomain) : serviceGone;
}

/** Why a request is not given to the worker that it is for. */
export function refusedByWorker({ limits }: Target, { method, bodyLength }: RequestHead): Answer | undefined {
  if (!knownMethods.has(method)) return methodNotSupported;
  return bodyLength > limits.bodyBytes ? bodyTooLarge(limits.bodyBytes) : undefined;
}
