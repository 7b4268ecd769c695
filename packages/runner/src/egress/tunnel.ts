import type { Upstream, UpstreamUser } from "../ingress/upstream.ts";
import type { CellExchange, ExchangeHost } from "./exchange.ts";

/** Bytes passed on as they are: a WebSocket, or a connection of `connect()`. */
export class Tunnel implements CellExchange, UpstreamUser {
  readonly #host: ExchangeHost;
  readonly #upstream: Upstream;

  constructor(host: ExchangeHost, upstream: Upstream) {
    this.#host = host;
    this.#upstream = upstream;
    upstream.use(this);
  }

  fromCell(bytes: Buffer): void {
    if (!this.#upstream.wire.write(bytes)) this.#host.wire.pause();
  }

  cellDrained(): void {
    this.#upstream.wire.resume();
  }

  cellEnded(): void {
    this.#upstream.wire.end();
  }

  close(): void {
    this.#upstream.destroy();
  }

  onUpstreamData(bytes: Buffer): void {
    if (!this.#host.wire.write(bytes)) this.#upstream.wire.pause();
  }

  onUpstreamDrain(): void {
    this.#host.wire.resume();
  }

  onUpstreamClose(): void {
    this.#host.wire.resume();
    this.#host.wire.end();
  }
}
