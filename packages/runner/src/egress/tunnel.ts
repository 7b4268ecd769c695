import type { Upstream, UpstreamUser } from "../ingress/upstream.ts";
import type { CellExchange, ExchangeHost } from "./exchange.ts";
import type { Stall } from "./stall.ts";

/** Bytes passed on as they are: a WebSocket, or a connection of `connect()`. */
export class Tunnel implements CellExchange, UpstreamUser {
  readonly #host: ExchangeHost;
  readonly #upstream: Upstream;
  readonly #stall: Stall;

  constructor(host: ExchangeHost, upstream: Upstream, stall: Stall) {
    this.#host = host;
    this.#upstream = upstream;
    this.#stall = stall;
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

  // It may be silent for as long as its two ends like, but not deaf.
  check(now: number): void {
    const stall = this.#stall.check(now, this.#upstream.wire);
    if (stall === "look") this.#host.wire.resume();
    if (stall === "over") {
      this.close();
      this.#host.wire.terminate();
    }
  }

  close(): void {
    this.#upstream.destroy();
  }

  onUpstreamData(bytes: Buffer): void {
    if (!this.#host.send(bytes)) this.#upstream.wire.pause();
  }

  onUpstreamDrain(): void {
    this.#host.wire.resume();
  }

  onUpstreamClose(): void {
    this.#host.wire.resume();
    this.#host.wire.end();
  }
}
