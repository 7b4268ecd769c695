import { type BindingKind, isOpenWorkersError, OpenWorkersError } from "@openworkers/core";
import { noMeter } from "../cells/byte-meter.ts";
import { bindingHeader, cacheSelector } from "../cells/config/encode-config.ts";
import type { SubrequestBudget } from "../subrequests/budget.ts";
import type { Span } from "../tracing/span.ts";
import { Cache } from "./cache/cache.ts";
import type { Caller } from "./caller.ts";
import { listenExactly } from "./exact-listener.ts";
import { OpenBodies } from "./open-bodies.ts";
import type { BindingHandler, BindingServices } from "./plugin.ts";
import { bindingPlugins } from "./plugins.ts";

export interface BrokerOptions {
  readonly handlers: ReadonlyMap<BindingKind, BindingHandler>;
  /** Answers the Cache API, which every cell has; one of its own without. */
  readonly cache?: Cache;
  /** What an operator should read. Never throws. */
  readonly report: (message: string, details: Record<string, unknown>) => void;
}

// Bun 1.4.5 ends a Unix socket's idle connection after 10 s, too, and heeds this; its types say that it would not.
const patient: object = { idleTimeout: 0 };

interface BudgetedCaller extends Caller {
  readonly budget: SubrequestBudget;
}

/** A name for what a handler's OpenWorkersError is, on the way to the cell's client. */
export const errorCodeHeader = "X-Ow-Error";

/**
 * Answers what cells ask through their bindings. Each cell has a socket of its own here: which cell asks is known
 * by the socket, and what it may ask for by what it was granted.
 */
export class Broker implements AsyncDisposable {
  readonly #options: BrokerOptions;
  readonly #cache: Cache;
  readonly #bodies = new OpenBodies();

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#cache = options.cache ?? new Cache();
  }

  /** A broker with a handler of every kind that needs one. */
  static of(services: BindingServices): Broker {
    const handlers = new Map<BindingKind, BindingHandler>();
    for (const plugin of bindingPlugins) {
      // A handler is only ever given bindings of its own kind, which the map's type cannot say.
      const handler = plugin.handler?.(services) as BindingHandler | undefined;
      if (handler !== undefined) handlers.set(plugin.kind, handler);
    }
    return new Broker({ handlers, cache: new Cache(services.cacheLimits), report: services.report });
  }

  /** Listens on `path` for the one cell that `caller` says who it is. */
  listen(path: string, caller: () => BudgetedCaller | undefined): Disposable {
    const server = Bun.serve({
      unix: path,
      ...patient,
      // A body is as large as the binding allows, which is the handler's to say.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      development: false,
      fetch: (request) => this.#answer(request, caller()),
      error: (error) => this.#failed(error, undefined),
    });
    return {
      [Symbol.dispose]() {
        server.stop(true);
      },
    };
  }

  /** As `listen`, for bindings whose responses must keep their Content-Length. */
  listenExactly(path: string, caller: () => BudgetedCaller | undefined): Promise<AsyncDisposable> {
    return listenExactly(
      path,
      (request) => this.#answer(request, caller()),
      () => caller()?.meter ?? noMeter,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      [...this.#options.handlers.values()].map((handler) => handler[Symbol.asyncDispose]?.()),
    );
  }

  async #answer(request: Request, caller: BudgetedCaller | undefined): Promise<Response> {
    try {
      if (caller === undefined) throw notGranted();
      // Without its place among the subrequests: those that are small need not wait for large bodies.
      return await this.#bodies.hold(caller, await this.#serve(request, caller), request.signal);
    } catch (thrown) {
      // It left while it waited, and nobody is there to be told.
      if (request.signal.aborted && thrown === request.signal.reason)
        return new Response(null, { status: 499 });
      return this.#failed(thrown, caller);
    }
  }

  async #serve(request: Request, caller: BudgetedCaller): Promise<Response> {
    const name = request.headers.get(bindingHeader) ?? "";
    const binding = caller.bindings.get(name);
    const handler = binding === undefined ? undefined : this.#options.handlers.get(binding.kind);
    if (name !== cacheSelector && handler === undefined) throw notGranted();
    // What is asked through a binding does not say for which request.
    using _place = await caller.budget.enter(undefined, request.signal);
    const serve = () =>
      binding === undefined || handler === undefined
        ? this.#cache.serve(request, caller)
        : handler.serve(request, binding, caller);
    const span = caller.budget.asker(undefined)?.span;
    return await (span === undefined
      ? serve()
      : traced(span, name, binding?.kind ?? "cache", request, serve));
  }

  #failed(thrown: unknown, caller: Caller | undefined): Response {
    // An operator's error may name addresses, which are not for a cell.
    if (isOpenWorkersError(thrown) && (thrown.fault === "user" || thrown.fault === "worker")) {
      return new Response(thrown.message, {
        status: thrown.status,
        headers: { [errorCodeHeader]: thrown.code },
      });
    }
    this.#options.report("A binding failed.", { error: thrown, worker: caller?.target.worker });
    const { status, code } = isOpenWorkersError(thrown) ? thrown : { status: 500, code: "INTERNAL" };
    return new Response("The binding failed.", { status, headers: { [errorCodeHeader]: code } });
  }
}

/** Records what is asked through a binding, until its answer begins. */
async function traced(
  asker: Span,
  name: string,
  kind: BindingKind | "cache",
  request: Request,
  serve: () => Promise<Response>,
): Promise<Response> {
  const span = asker.child(name === cacheSelector ? kind : `${kind} ${name}`, {
    "openworkers.binding": name,
    "openworkers.binding.kind": kind,
    "http.request.method": request.method,
  });
  try {
    const response = await serve();
    const { status } = response;
    span.end({ "http.response.status_code": status }, status >= 500 ? String(status) : undefined);
    return response;
  } catch (thrown) {
    span.end({}, isOpenWorkersError(thrown) ? thrown.code : "INTERNAL");
    throw thrown;
  }
}

function notGranted(): OpenWorkersError {
  return new OpenWorkersError("FORBIDDEN", "The worker has no such binding.");
}
