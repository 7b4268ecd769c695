import type { Wire } from "@openworkers/core";

/** A cell's connection, as what is being done on it sees it. */
export interface ExchangeHost {
  readonly wire: Wire;
  /** Little is to be read ahead of the cell. */
  readonly narrow: boolean;
  /** Writes what came from outside, and counts it; false as `Wire.write` has it. */
  send(bytes: Uint8Array): boolean;
  /** The next request may come. */
  exchangeDone(): void;
  /** From here on the bytes of both sides are passed on as they are. */
  hand(next: CellExchange): void;
}

/** What is being done on a cell's connection. Nothing is called after `close`. */
export interface CellExchange {
  fromCell(bytes: Buffer): void;
  /** Everything written to the cell is with the kernel. */
  cellDrained(): void;
  /** The cell will send no more. */
  cellEnded(): void;
  /** Called every second or so. */
  check(now: number): void;
  /** The cell's side is gone. */
  close(): void;
}
