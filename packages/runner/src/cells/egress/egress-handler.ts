import type { Socket } from "bun";

/** One connection from a cell, as its handler sees it. */
export interface EgressConnection {
  data(chunk: Uint8Array): void;
  /** The peer is done, or gone. */
  close(): void;
}

export type EgressSocket = Pick<Socket<unknown>, "write" | "end">;

/**
 * Speaks HTTP/1.1 with a cell as the proxy of its outbound requests (absolute-form targets, and CONNECT for
 * TCP). The listening socket tells which cell asks; nothing that the cell says can.
 */
export interface EgressHandler {
  connection(socket: EgressSocket): EgressConnection;
}

const body = JSON.stringify({
  error: {
    code: "EGRESS_UNAVAILABLE",
    message: "Outbound requests are not available in this release of OpenWorkers.",
  },
});

const refusal = [
  "HTTP/1.1 502 Bad Gateway",
  "Content-Type: application/json",
  `Content-Length: ${body.length}`,
  "Connection: close",
  "",
  body,
].join("\r\n");

/** Refuses everything, without reading what is asked: this release has no guard, so nothing may leave. */
export const closedEgress: EgressHandler = {
  connection(socket) {
    let answered = false;
    return {
      data() {
        if (answered) return;
        answered = true;
        socket.write(refusal);
        socket.end();
      },
      close() {},
    };
  },
};
