import type { Address } from "@openworkers/db";
import type { Socket } from "bun";

/** One message of PostgreSQL's protocol. */
export function message(code: string, ...body: readonly number[]): number[] {
  const length = body.length + 4;
  return [code.charCodeAt(0), 0, 0, length >> 8, length & 255, ...body];
}

/** The start of a message of two gigabytes. */
export function endless(code: string): number[] {
  return [code.charCodeAt(0), 0x7f, 0xff, 0xff, 0xff];
}

/** What a server says to let somebody in. */
export const welcome = [
  ...message("R", 0, 0, 0, 0),
  ...message("K", 0, 0, 0, 1, 0, 0, 0, 2),
  ...message("Z", "I".charCodeAt(0)),
];

/**
 * A server that is none of PostgreSQL's. It answers each piece that a client sends with the next of `answers`, and after
 * the last goes on to send filling for as long as anybody reads.
 */
export function hostileServer(
  ...answers: readonly (readonly number[])[]
): { readonly address: Address } & Disposable {
  const filling = new Uint8Array(16_384);
  const flood = (socket: Socket<{ answered: number }>) => {
    if (socket.data.answered < answers.length) return;
    while (socket.write(filling) === filling.byteLength);
  };
  const server = Bun.listen<{ answered: number }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { answered: 0 };
      },
      data(socket) {
        socket.write(new Uint8Array(answers[socket.data.answered++] ?? []));
        flood(socket);
      },
      drain: flood,
    },
  });
  return {
    address: {
      host: "127.0.0.1",
      port: server.port,
      database: "d",
      user: "u",
      password: "p",
      tls: "disable",
    },
    [Symbol.dispose]: () => server.stop(true),
  };
}
