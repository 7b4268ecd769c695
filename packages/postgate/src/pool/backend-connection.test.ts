import { describe, expect, test } from "bun:test";
import { within } from "@openworkers/core";
import type { Address } from "@openworkers/db";
import type { Socket } from "bun";
import { BackendConnection } from "./backend-connection.ts";

const options = { settings: {}, key: "key", connectTimeoutMs: 10_000 };

/** A server that is none of PostgreSQL's: it says `hello` to whoever starts a session, and then `more`, until it is cut off. */
function hostileServer(hello: Uint8Array, more: Uint8Array): { readonly address: Address } & Disposable {
  const flood = (socket: Socket) => {
    while (socket.write(more) === more.byteLength);
  };
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket) {
        socket.write(hello);
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

function message(code: string, ...body: readonly number[]): number[] {
  const length = body.length + 4;
  return [code.charCodeAt(0), 0, 0, length >> 8, length & 255, ...body];
}

const filler = new Uint8Array(16_384);
/** The start of a notice of two gigabytes. */
const endless = ["N".charCodeAt(0), 0x7f, 0xff, 0xff, 0xff];
const authenticated = [
  ...message("R", 0, 0, 0, 0),
  ...message("K", 0, 0, 0, 1, 0, 0, 0, 2),
  ...message("Z", "I".charCodeAt(0)),
];

describe("a server that is not to be trusted", () => {
  test("cannot have us hold all it says at a session's start", async () => {
    using server = hostileServer(new Uint8Array(endless), filler);
    await expect(BackendConnection.open(server.address, options)).rejects.toThrow("too much");
  });

  test("cannot have us hold what it says without being asked", async () => {
    using server = hostileServer(new Uint8Array([...authenticated, ...endless]), filler);
    const connection = await BackendConnection.open(server.address, options);
    await connection.closed;
    expect(connection.open).toBe(false);
    expect(
      await within(
        connection.close().then(() => "closed"),
        10_000,
      ),
    ).toBe("closed");
  });
});
