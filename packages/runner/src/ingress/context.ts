import type { InvocationRecord, LogSink } from "@openworkers/core";
import type { ByteMeter } from "../cells/byte-meter.ts";
import type { Dispatcher } from "../cells/lease.ts";
import type { Target } from "../cells/target.ts";
import type { Router } from "../routing/router.ts";
import type { SubrequestBudget } from "../subrequests/budget.ts";
import type { Tracer } from "../tracing/span.ts";
import type { StaticFiles } from "./file-response.ts";
import type { Timeouts } from "./timeouts.ts";
import type { TrustedProxies } from "./trusted-proxies.ts";
import type { UpstreamPool } from "./upstream.ts";

export interface ServiceContext {
  /** Whether cells of `target` take new calls. */
  readonly isLive: (target: Target) => boolean;
  /** Calls that one connection may have under way. */
  readonly maxCalls: number;
  /** Told of the bytes that the calling cell sends and is sent. */
  readonly meter: ByteMeter;
  /** Counts each request, and each call of a method that makes an invocation. */
  readonly budget: SubrequestBudget;
}

/** What every connection of one ingress shares. */
export interface IngressContext {
  readonly baseDomain: string;
  readonly router: Router;
  readonly dispatcher: Dispatcher;
  /** Without it, every request is a worker's. */
  readonly assets: StaticFiles | undefined;
  readonly logs: LogSink;
  /** Without it, nothing is recorded of what a request does. */
  readonly tracer?: Tracer | undefined;
  readonly proxies: TrustedProxies;
  readonly pool: UpstreamPool;
  readonly timeouts: Timeouts;
  /** What its requests are in records. */
  readonly trigger: InvocationRecord["trigger"];
  /** Set where cells call other workers through their bindings, and absent where clients come in. */
  readonly service?: ServiceContext;
  /** Tells the operator of what should not happen. Never throws. */
  readonly report: (message: string, details: Record<string, unknown>) => void;
}
