import type { BindingOf, LogSink, WorkerId } from "@openworkers/core";
import { type Wire, wireHandlers } from "@openworkers/core";
import type { UnixSocketListener } from "bun";
import type { ServiceCaller, ServiceListener } from "../bindings/service-listener.ts";
import type { Dispatcher } from "../cells/lease.ts";
import type { Target } from "../cells/target.ts";
import type { Tracer } from "../tracing/span.ts";
import { ClientConnection } from "./client-connection.ts";
import type { IngressContext } from "./context.ts";
import type { StaticFiles } from "./file-response.ts";
import { ServiceDispatcher } from "./service-dispatcher.ts";
import { defaultTimeouts, type Timeouts } from "./timeouts.ts";
import { TrustedProxies } from "./trusted-proxies.ts";
import { UpstreamPool } from "./upstream.ts";

export interface ServiceRouter {
  /** The version of a worker that takes a call; undefined when none is live. */
  choose(workerId: WorkerId, versionKey: string | undefined): Target | undefined;
  /** Whether cells of `target` take new calls. */
  isLive(target: Target): boolean;
}

export interface ServiceIngressOptions {
  readonly router: ServiceRouter;
  readonly dispatcher: Dispatcher;
  /** Answers for versions with static files, before their cells do. */
  readonly assets?: StaticFiles;
  readonly logs: LogSink;
  readonly tracer?: Tracer | undefined;
  /** What an operator should read. Never throws. */
  readonly report: (message: string, details: Record<string, unknown>) => void;
}

/** Several times a second, as in `Ingress`. */
const sweepMs = 50;
/** Connections that one cell may have open through one binding. */
const maxConnections = 1_024;
const maxTurnedAway = 64;
/** Calls of methods under way through one binding of a cell: a circle of calls ends here. */
const maxCalls = 256;

/** A cell takes as long as it likes: what bounds it is the time of the request on whose behalf it calls. */
const timeouts: Timeouts = {
  ...defaultTimeouts,
  headMs: Number.POSITIVE_INFINITY,
  bodyMs: Number.POSITIVE_INFINITY,
  writeMs: Number.POSITIVE_INFINITY,
};

/**
 * Takes what cells send to other workers through their bindings, and gives it to these as the ingress gives them what
 * comes from clients: with the same limits, retries and records. Who calls is known by the socket.
 */
export class ServiceIngress implements ServiceListener, AsyncDisposable {
  readonly #options: ServiceIngressOptions;
  readonly #pool: UpstreamPool;
  readonly #proxies = new TrustedProxies([]);
  readonly #dispatchers = new WeakMap<Target, ServiceDispatcher>();
  readonly #connections = new Set<ClientConnection>();
  readonly #listeners = new Set<Disposable>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(options: ServiceIngressOptions) {
    this.#options = options;
    this.#pool = new UpstreamPool(options.report);
    this.#timer = setInterval(() => this.#sweep(), sweepMs);
  }

  listen(path: string, caller: ServiceCaller, binding: BindingOf<"worker">): Disposable {
    const context = this.#context(caller, binding);
    const own = new Set<ClientConnection>();
    const server: UnixSocketListener<Wire> = Bun.listen<Wire>({
      unix: path,
      socket: {
        ...wireHandlers,
        open: (socket) => {
          const connection = new ClientConnection(context, (gone) => {
            own.delete(gone);
            this.#connections.delete(gone);
          });
          socket.data = connection.wire;
          own.add(connection);
          this.#connections.add(connection);
          connection.wire.opened(socket);
          const excess = own.size - maxConnections;
          if (excess > maxTurnedAway) connection.cut();
          else if (excess > 0) connection.turnAway();
        },
      },
    });
    const listener: Disposable = {
      [Symbol.dispose]: () => {
        this.#listeners.delete(listener);
        server.stop(false);
        for (const connection of own) connection.cut();
      },
    };
    this.#listeners.add(listener);
    return listener;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    for (const listener of this.#listeners) listener[Symbol.dispose]();
    this.#pool[Symbol.dispose]();
  }

  #context({ target: caller, meter, budget }: ServiceCaller, binding: BindingOf<"worker">): IngressContext {
    const { router, dispatcher, assets, logs, tracer, report } = this.#options;
    let places = this.#dispatchers.get(caller);
    if (places === undefined) {
      places = new ServiceDispatcher(dispatcher, caller.limits);
      this.#dispatchers.set(caller, places);
    }
    return {
      baseDomain: "",
      router: { resolve: ({ versionKey }) => router.choose(binding.workerId, versionKey) },
      dispatcher: places.of(binding),
      // An entrypoint that is asked for by name is asked itself.
      assets: binding.entrypoint === undefined ? assets : undefined,
      logs,
      tracer,
      proxies: this.#proxies,
      pool: this.#pool,
      timeouts,
      trigger: "service",
      service: { isLive: (target) => router.isLive(target), maxCalls, meter, budget },
      report,
    };
  }

  #sweep(): void {
    const now = performance.now();
    for (const connection of this.#connections) connection.check(now);
    this.#pool.sweep(now);
  }
}
