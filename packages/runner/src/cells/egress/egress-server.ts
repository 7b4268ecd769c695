import type { EgressConnection, EgressHandler } from "./egress-handler.ts";

/** Connections that one cell may have open to its egress socket; more are closed at once. */
export const maxEgressConnections = 50;

export interface EgressServer extends Disposable {
  readonly path: string;
}

/** Listens on `path` for one cell and gives its connections to `handler`. */
export function serveEgress(path: string, handler: EgressHandler): EgressServer {
  let open = 0;
  const listener = Bun.listen<EgressConnection | undefined>({
    unix: path,
    data: undefined,
    socket: {
      open(socket) {
        open++;
        if (open > maxEgressConnections) socket.terminate();
        else socket.data = handler.connection(socket);
      },
      data(socket, chunk) {
        socket.data?.data(chunk);
      },
      close(socket) {
        open--;
        socket.data?.close();
      },
      // `close` follows, and tells the handler; a broken connection to a dying cell is nobody's error.
      error() {},
    },
  });
  return {
    path,
    [Symbol.dispose]() {
      listener.stop(true);
    },
  };
}
