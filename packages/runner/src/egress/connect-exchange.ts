import type { Upstream, UpstreamUser } from "../ingress/upstream.ts";
import type { Span } from "../tracing/span.ts";
import type { CellEgress } from "./cell-egress.ts";
import type { CellExchange, ExchangeHost } from "./exchange.ts";
import { beginFetch } from "./fetch-span.ts";
import type { ConnectRequest } from "./http/proxy-request.ts";
import { platformFault, tellable, writeRefusal } from "./refusal.ts";
import { Stall } from "./stall.ts";
import { Tunnel } from "./tunnel.ts";

const established = Buffer.from("HTTP/1.1 200 OK\r\n\r\n", "latin1");

/** `connect()` of a worker: opens a connection, and is a tunnel from then on. */
export class ConnectExchange implements CellExchange, UpstreamUser {
  readonly #cell: CellEgress;
  readonly #host: ExchangeHost;
  readonly #request: ConnectRequest;
  readonly #stop = new AbortController();
  readonly #early: Buffer[] = [];
  #cellEnded = false;
  #span: Span | undefined;

  constructor(cell: CellEgress, host: ExchangeHost, request: ConnectRequest) {
    this.#cell = cell;
    this.#host = host;
    this.#request = request;
    this.#open().then(
      (upstream) => this.#opened(upstream),
      (thrown: unknown) => this.#failed(thrown),
    );
  }

  fromCell(bytes: Buffer): void {
    if (this.#stop.signal.aborted) return;
    this.#early.push(bytes);
    this.#host.wire.pause();
  }

  cellDrained(): void {}

  cellEnded(): void {
    this.#cellEnded = true;
  }

  // Connecting has a deadline of its own.
  check(): void {}

  close(): void {
    this.#stop.abort(new Error("The cell has left."));
  }

  // Until the tunnel has it, which is in the turn that it stands in: `#opened` looks at the connection itself.
  onUpstreamData(): void {}
  onUpstreamDrain(): void {}
  onUpstreamClose(): void {}

  async #open(): Promise<Upstream> {
    const { signal } = this.#stop;
    const { host, port, requestId } = this.#request;
    const { budget } = this.#cell.grant();
    this.#span = beginFetch(budget, this.#request);
    using _place = await budget.enter(requestId, signal);
    return await this.#cell.connect(
      "",
      { host, port, via: "connect", tls: false, narrow: this.#host.narrow },
      this,
      signal,
    );
  }

  #opened(upstream: Upstream): void {
    this.#endSpan();
    if (this.#stop.signal.aborted) {
      upstream.destroy();
      return;
    }
    const { wire } = this.#host;
    const { lookMs, silenceMs } = this.#cell.context;
    wire.write(established);
    const tunnel = new Tunnel(this.#host, upstream, new Stall({ lookMs, overMs: silenceMs }));
    this.#host.hand(tunnel);
    wire.resume();
    for (const bytes of this.#early) tunnel.fromCell(bytes);
    if (this.#cellEnded) tunnel.cellEnded();
    if (upstream.wire.closed) tunnel.onUpstreamClose();
  }

  #endSpan(error?: string): void {
    this.#span?.end({}, error);
    this.#span = undefined;
  }

  #failed(thrown: unknown): void {
    const error = tellable(thrown);
    this.#endSpan(this.#stop.signal.aborted ? "canceled" : (error ?? platformFault).code);
    if (this.#stop.signal.aborted) return;
    // `opened` rejects with words of workerd's own, which are the same for everything.
    this.#cell.warn((error ?? platformFault).message);
    if (error === undefined) this.#cell.context.report("A worker's connection failed.", { error: thrown });
    this.close();
    this.#host.wire.write(writeRefusal(error ?? platformFault, true));
    this.#host.wire.resume();
    this.#host.wire.end();
  }
}
