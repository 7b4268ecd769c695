import type { LogSink } from "@openworkers/core";
import { OpenWorkersError, type Wire, wireHandlers } from "@openworkers/core";
import type { SocketHandler, TCPSocketListener, UnixSocketListener } from "bun";
import type { Dispatcher } from "../cells/lease.ts";
import type { Router } from "../routing/router.ts";
import type { Tracer } from "../tracing/span.ts";
import { ClientConnection } from "./client-connection.ts";
import type { IngressContext } from "./context.ts";
import type { StaticFiles } from "./file-response.ts";
import { defaultTimeouts, type Timeouts } from "./timeouts.ts";
import { TrustedProxies } from "./trusted-proxies.ts";
import { UpstreamPool } from "./upstream.ts";

export interface IngressOptions {
  /** 0 picks a free one; `Ingress.port` says which. */
  readonly port: number;
  readonly hostname: string;
  /** Where workers have their names: `<worker>.<baseDomain>`. */
  readonly baseDomain: string;
  readonly router: Router;
  readonly dispatcher: Dispatcher;
  /** Answers from the versions' static files. Without it, every request is a worker's. */
  readonly assets?: StaticFiles;
  readonly logs: LogSink;
  readonly tracer?: Tracer | undefined;
  /** Addresses and networks whose `X-Forwarded-*` and `X-Request-Id` are believed. Default: none. */
  readonly trustedProxies?: readonly string[];
  readonly timeouts?: Partial<Timeouts>;
  /** Client connections at a time; one more is answered 503. Default 10,000. */
  readonly maxConnections?: number;
  /** Path of a Unix socket that takes the requests which people try in the dashboard. Without: none. */
  readonly previews?: string;
  /** What an operator should read. Never throws. */
  readonly report: (message: string, details: Record<string, unknown>) => void;
}

export interface DrainOptions {
  /** When it aborts, what is still under way is cut off. */
  readonly signal: AbortSignal;
}

/** Several times a second: the precision of every time-out and of the first-byte limit. */
const sweepMs = 50;

const keepAliveMs = 60_000;
const maxTurnedAway = 256;

/** The public HTTP server. Disposing cuts everything off; `drain` first for a graceful end. */
export class Ingress implements AsyncDisposable {
  readonly #context: IngressContext;
  readonly #pool: UpstreamPool;
  readonly #connections = new Set<ClientConnection>();
  readonly #listener: TCPSocketListener<Wire>;
  readonly #previews: UnixSocketListener<Wire> | undefined;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #maxConnections: number;
  #listening = true;
  #onEmpty: (() => void) | undefined;

  /** @throws OpenWorkersError PORT_IN_USE, CONFIG_INVALID */
  constructor(options: IngressOptions) {
    this.#pool = new UpstreamPool(options.report);
    this.#maxConnections = options.maxConnections ?? 10_000;
    this.#context = {
      baseDomain: options.baseDomain,
      router: options.router,
      dispatcher: options.dispatcher,
      assets: options.assets,
      logs: options.logs,
      tracer: options.tracer,
      proxies: new TrustedProxies(options.trustedProxies ?? []),
      pool: this.#pool,
      timeouts: { ...defaultTimeouts, ...options.timeouts },
      trigger: "fetch",
      report: options.report,
    };
    this.#listener = this.#listen(options);
    this.#previews =
      options.previews === undefined
        ? undefined
        : Bun.listen<Wire>({
            unix: options.previews,
            socket: this.#handlers({ ...this.#context, trigger: "preview" }),
          });
    this.#timer = setInterval(() => this.#sweep(), sweepMs);
  }

  get port(): number {
    return this.#listener.port;
  }

  get connections(): number {
    return this.#connections.size;
  }

  #listen(options: IngressOptions): TCPSocketListener<Wire> {
    const { hostname, port } = options;
    try {
      return Bun.listen<Wire>({ hostname, port, socket: this.#handlers(this.#context) });
    } catch (thrown) {
      throw new OpenWorkersError("PORT_IN_USE", `Port ${port} on ${hostname} cannot be listened on.`, {
        hint: "Choose another: --port 8788",
        cause: thrown,
      });
    }
  }

  #handlers(context: IngressContext): SocketHandler<Wire> {
    return {
      ...wireHandlers,
      open: (socket) => {
        const connection = new ClientConnection(context, (gone) => this.#gone(gone));
        socket.data = connection.wire;
        // A peer that vanished without a word would hold its WebSocket's place for ever.
        socket.setKeepAlive(true, keepAliveMs);
        this.#connections.add(connection);
        connection.wire.opened(socket);
        const excess = this.#connections.size - this.#maxConnections;
        // Saying no costs a descriptor for as long as the client takes to hear it: that is bounded too.
        if (excess > maxTurnedAway) connection.cut();
        else if (excess > 0) connection.turnAway();
      },
    };
  }

  /**
   * Stops accepting, lets what is under way finish, and closes. Resolves when the last connection is gone.
   */
  async drain(options: DrainOptions): Promise<void> {
    this.#stopListening();
    for (const connection of this.#connections) connection.drain();
    if (this.#connections.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      const cutAll = () => this.#cutAll();
      if (options.signal.aborted) cutAll();
      else options.signal.addEventListener("abort", cutAll, { once: true });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopListening();
    clearInterval(this.#timer);
    this.#cutAll();
    this.#pool[Symbol.dispose]();
  }

  #stopListening(): void {
    if (!this.#listening) return;
    this.#listening = false;
    this.#listener.stop(false);
    this.#previews?.stop(false);
  }

  #cutAll(): void {
    for (const connection of this.#connections) connection.cut();
  }

  #gone(connection: ClientConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }

  #sweep(): void {
    const now = performance.now();
    for (const connection of this.#connections) connection.check(now);
    this.#pool.sweep(now);
  }
}

/**
 * Starts serving; whoever called disposes of it.
 *
 * @throws OpenWorkersError PORT_IN_USE, CONFIG_INVALID
 */
export function startIngress(options: IngressOptions): Ingress {
  return new Ingress(options);
}
