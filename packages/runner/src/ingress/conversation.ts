import type { Wire } from "@openworkers/core";

/** What a conversation needs of the client's connection. */
export interface ExchangeClient {
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
  send(bytes: Uint8Array): boolean;
  /** Body bytes are wanted again. */
  pump(): void;
  exchangeDone(keepAlive: boolean): void;
  openTunnel(): void;
  cut(): void;
  readonly wire: Pick<Wire, "pause" | "resume" | "end">;
}

/** What happens on a client's connection, one at a time: a request with its answer, or calls of methods. */
export interface Conversation {
  start(): void;
  /** False when no more should be read from the client for now. */
  tunnelFromClient(bytes: Buffer): boolean;
  clientDrained(): void;
  clientGone(): void;
  /** The ingress goes down. */
  drain(): void;
  /** Called several times a second once the ingress drains. */
  checkDrain(now: number): void;
  /** Called several times a second. */
  check(now: number): void;
}
