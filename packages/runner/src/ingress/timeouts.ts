/** How long a client may take, in milliseconds. They free what a slow or silent client holds. */
export interface Timeouts {
  /** From the first byte of a head (or the connection's opening) to its last. */
  readonly headMs: number;
  /** Between two requests on one connection. */
  readonly idleMs: number;
  /** Between two reads of a request body that the worker is waiting for. */
  readonly bodyMs: number;
  /** Between two moments at which a reader of a response takes anything. */
  readonly writeMs: number;
  /** For a client to notice that its connection is being closed. */
  readonly lingerMs: number;
  /** While the ingress drains: for a response without a known length to end, and a WebSocket's client to leave. */
  readonly goingAwayMs: number;
}

// The first four follow nginx (client_header_timeout, keepalive_timeout, client_body_timeout, send_timeout:
// 60, 75, 60, 60 s), with a shorter head because nothing slow legitimately writes one.
export const defaultTimeouts: Timeouts = {
  headMs: 10_000,
  idleMs: 75_000,
  bodyMs: 60_000,
  writeMs: 60_000,
  lingerMs: 2_000,
  // Short, because what is open-ended mostly has no end of its own, and its clients reconnect.
  goingAwayMs: 3_000,
};
