import { type Wire, wireHandlers } from "@openworkers/core";
import { CellConnection } from "./cell-connection.ts";
import { CellEgress, type EgressContext, type EgressGrant } from "./cell-egress.ts";
import { type Resolver, systemResolver } from "./dial/resolver.ts";
import { Guard } from "./guard/guard.ts";

/** Connections that one cell may have open to its egress socket; more are closed at once. */
export const maxEgressConnections = 1_024;

const sweepMs = 1_000;

export interface EgressOptions {
  readonly guard: Guard;
  readonly authorities: readonly string[];
  /** Default: the system's. */
  readonly resolve?: Resolver;
  /** Default 10 s. */
  readonly connectMs?: number;
  /** Default 5 minutes. */
  readonly silenceMs?: number;
  /** Default 5 s. */
  readonly lookMs?: number;
  readonly report: EgressContext["report"];
}

/** Where the outbound requests of cells go. Each cell has a socket of its own here: who asks is known by it. */
export class Egress implements Disposable {
  readonly #context: EgressContext;
  readonly #cells = new Map<CellEgress, ReadonlyMap<Wire, CellConnection>>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor({
    guard,
    authorities,
    resolve,
    connectMs,

    silenceMs,
    lookMs,
    report,
  }: EgressOptions) {
    this.#context = {
      guard,
      authorities,
      report,
      resolve: resolve ?? systemResolver,
      connectMs: connectMs ?? 10_000,
      silenceMs: silenceMs ?? 5 * 60_000,
      lookMs: lookMs ?? 5_000,
    };
    this.#timer = setInterval(() => {
      const now = performance.now();
      for (const [cell, connections] of this.#cells) {
        cell.sweep(now);
        for (const connection of connections.values()) connection.check(now);
      }
    }, sweepMs);
  }

  /** Refuses everything. */
  static closed(): Egress {
    return new Egress({ guard: new Guard({ open: false }), authorities: [], report() {} });
  }

  /** Listens on `path` for the one cell that `grant` says what it may. Disposing ends all its connections. */
  listen(path: string, grant: () => EgressGrant | undefined): Disposable {
    const cell = new CellEgress(this.#context, grant);
    // By wire: it tells its owner only of ends that the owner did not ask for.
    const connections = new Map<Wire, CellConnection>();
    this.#cells.set(cell, connections);
    const listener = Bun.listen<Wire>({
      unix: path,
      // A worker may close its side of a connection and go on reading.
      allowHalfOpen: true,
      socket: {
        ...wireHandlers,
        open(socket) {
          const connection: CellConnection = new CellConnection(cell);
          socket.data = connection.wire;
          if (connections.size >= maxEgressConnections) {
            socket.terminate();
            return;
          }
          connections.set(connection.wire, connection);
          connection.wire.opened(socket);
        },
        close(socket) {
          socket.data.gone();
          connections.get(socket.data)?.closed();
          connections.delete(socket.data);
        },
      },
    });
    return {
      [Symbol.dispose]: () => {
        listener.stop(true);
        for (const [wire, connection] of connections) {
          wire.terminate();
          connection.closed();
        }
        connections.clear();
        this.#cells.delete(cell);
        cell[Symbol.dispose]();
      },
    };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
