import type { ExchangeClient } from "./conversation.ts";
import { FrameBoundaries, goingAwayFrame } from "./frame-boundaries.ts";

/** An open WebSocket: passes bytes on as they are, and knows between which of them it may be closed. */
export class Tunnel {
  readonly #client: Pick<ExchangeClient, "send" | "wire">;
  readonly #pauseCell: () => void;
  readonly #frames = new FrameBoundaries();
  #wantsEnd = false;
  #ended = false;
  /** The cell's side went first. */
  broken = false;

  constructor(client: Pick<ExchangeClient, "send" | "wire">, pauseCell: () => void) {
    this.#client = client;
    this.#pauseCell = pauseCell;
  }

  fromCell(bytes: Buffer): void {
    // After a Close frame nothing may follow (RFC 6455 §5.5.1).
    if (this.#ended || bytes.length === 0) return;
    const boundary = this.#frames.follow(bytes);
    const last = this.#wantsEnd && boundary >= 0;
    if (!this.#client.send(last ? bytes.subarray(0, boundary) : bytes)) this.#pauseCell();
    if (last) this.#close();
  }

  /** Closes it with 1001 as soon as no frame is half sent. */
  goAway(): void {
    this.#wantsEnd = true;
    if (!this.#ended && this.#frames.between) this.#close();
  }

  /** The client hears of the cell's end at once; why it ended is for the record, and may take longer. */
  broke(): void {
    this.broken = true;
    this.#client.wire.end();
  }

  #close(): void {
    this.#ended = true;
    this.#client.send(goingAwayFrame);
    // The client's own Close frame still comes, and goes to the worker, which so hears that it has left.
    this.#client.wire.end();
  }
}
