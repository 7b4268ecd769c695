import { OpenWorkersError, Wire, type WireOwner } from "@openworkers/core";
import { setWireBuffer } from "../cells/os/socket-buffers.ts";
import { findHeadEnd, maxHeadBytes } from "../ingress/http/head.ts";
import { type CellEgress, narrowBytes } from "./cell-egress.ts";
import { ConnectExchange } from "./connect-exchange.ts";
import type { CellExchange, ExchangeHost } from "./exchange.ts";
import { FetchExchange } from "./fetch-exchange.ts";
import { parseProxyRequest } from "./http/proxy-request.ts";
import { writeRefusal } from "./refusal.ts";

/** `net.core.wmem_default` of Linux, which it doubles when it is set. */
const wideBytes = 106_496;

/** One connection of a cell to its egress socket: requests one after another, or one tunnel. */
export class CellConnection implements WireOwner, ExchangeHost {
  readonly wire: Wire;
  readonly #cell: CellEgress;
  #unread: Buffer | undefined;
  #exchange: CellExchange | undefined;
  #begun = false;
  #narrow = false;

  constructor(cell: CellEgress) {
    this.#cell = cell;
    this.wire = new Wire(this);
  }

  get narrow(): boolean {
    return this.#narrow;
  }

  onData(bytes: Buffer): void {
    this.#cell.moved(0, bytes.length);
    if (this.#exchange !== undefined) {
      this.#exchange.fromCell(bytes);
      return;
    }
    // Whoever asks again without having read the answer would have the runner keep all answers.
    if (this.wire.blocked) {
      this.wire.terminate();
      return;
    }
    const unread = this.#unread === undefined ? bytes : Buffer.concat([this.#unread, bytes]);
    const end = findHeadEnd(unread);
    if (end === -1 && unread.length <= maxHeadBytes) {
      this.#unread = unread;
      return;
    }
    this.#unread = undefined;
    if (end < 0 || end > maxHeadBytes)
      this.#malformed(`its head is malformed, or over ${maxHeadBytes} bytes`);
    else this.#begin(unread.toString("latin1", 0, end), unread.subarray(end));
  }

  onDrain(): void {
    this.#exchange?.cellDrained();
  }

  onEnd(): void {
    if (this.#exchange !== undefined) this.#exchange.cellEnded();
    else this.wire.terminate();
  }

  onClose(): void {
    this.closed();
  }

  onFault(error: unknown): void {
    this.#cell.context.report("A connection of a cell failed.", { error });
  }

  /** The socket is gone, whoever closed it. */
  closed(): void {
    this.#exchange?.close();
    this.exchangeDone();
  }

  /** Called every second or so. */
  check(now: number): void {
    this.#exchange?.check(now);
  }

  send(bytes: Uint8Array): boolean {
    this.#cell.moved(bytes.length, 0);
    return this.wire.write(bytes);
  }

  exchangeDone(): void {
    this.#exchange = undefined;
    if (this.#begun) this.#cell.end();
    this.#begun = false;
  }

  hand(next: CellExchange): void {
    this.#exchange = next;
  }

  #begin(head: string, rest: Buffer): void {
    const request = parseProxyRequest(head);
    if (typeof request === "string") {
      this.#malformed(request);
      return;
    }
    this.#widen(!this.#cell.begin());
    this.#begun = true;
    this.#exchange =
      request.kind === "connect"
        ? new ConnectExchange(this.#cell, this, request)
        : new FetchExchange(this.#cell, this, request);
    if (rest.length > 0) this.#exchange.fromCell(rest);
  }

  #widen(wide: boolean): void {
    if (wide !== this.#narrow) return;
    this.#narrow = !wide;
    setWireBuffer(this.wire, "send", wide ? wideBytes : narrowBytes);
  }

  #malformed(why: string): void {
    const error = new OpenWorkersError("EGRESS_REFUSED", `The request cannot be sent: ${why}.`);
    this.wire.write(writeRefusal(error, true));
    this.wire.end();
  }
}
