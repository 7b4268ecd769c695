/** Counts what one cell moves through its sockets beside the requests that it serves. Called for every chunk. */
export interface ByteMeter {
  /** Bytes that the cell was given, and bytes that it gave. */
  moved(read: number, written: number): void;
}

/** For a cell that serves no requests of the ingress: nothing is counted. */
export const noMeter: ByteMeter = { moved() {} };
