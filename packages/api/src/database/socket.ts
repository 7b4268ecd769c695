import { createConnection } from "node:net";
import { join } from "node:path";
import { Duplex } from "node:stream";

/** A connection's bytes, as workerd's sockets have them. */
export interface ByteSocket {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  close(): Promise<void>;
}

/** The platform's database as whoever calls: `platform-sql`, face `api`. In a cell, it is workerd's `Hyperdrive`. */
export interface SqlBinding {
  connect(): ByteSocket;
}

/** The same outside of a cell: the face listens in `directory`, as PostgreSQL would on port 5432. */
export function sqlIn(directory: string): SqlBinding {
  return {
    connect() {
      const socket = createConnection(join(directory, ".s.PGSQL.5432"));
      // Whoever reads or writes is told.
      socket.on("error", () => {});
      const { readable, writable } = Duplex.toWeb(socket);
      return {
        readable: readable as ReadableStream<Uint8Array>,
        writable: writable as WritableStream<Uint8Array>,
        close: async () => void socket.destroySoon(),
      };
    },
  };
}
