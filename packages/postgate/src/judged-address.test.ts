import { expect, test } from "bun:test";
import type { Address } from "@openworkers/db";
import { cancelStatement } from "./cancel-statement.ts";
import { BackendConnection } from "./pool/backend-connection.ts";
import { dial } from "./wire/backend/dial.ts";

/** A server that counts who comes, and sends them away. */
function door() {
  let came = 0;
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        came++;
        socket.end();
      },
      data() {},
    },
  });
  const address: Address = {
    // No resolver has it (RFC 6761 §6.4): whoever looks it up once more does not arrive.
    host: "database.invalid",
    ip: "127.0.0.1",
    port: server.port,
    database: "shop",
    user: "shop",
    password: "hunter2",
    tls: "disable",
  };
  return { address, came: () => came, [Symbol.dispose]: () => server.stop(true) };
}

test("a query's connection goes to the address that was judged, whatever the name leads to by now", async () => {
  using server = door();
  const opened = BackendConnection.open(server.address, {
    settings: {},
    key: "",
    connectTimeoutMs: 5_000,
    report: () => {},
  });
  await expect(opened).rejects.toThrow();
  expect(server.came()).toBe(1);
});

test("so does the wire face's", async () => {
  using server = door();
  const intake = await dial(server.address, AbortSignal.timeout(5_000), () => {});
  await expect(intake.read(1)).rejects.toThrow();
  expect(server.came()).toBe(1);
});

test("and so does the one that cancels", async () => {
  using server = door();
  await cancelStatement(server.address, { processId: 1, secret: 1 }, console.error);
  expect(server.came()).toBe(1);
});
