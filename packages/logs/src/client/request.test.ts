import { expect, test } from "bun:test";
import { failureOf } from "./request.ts";

test("a connection that breaks off is told of without advice on how to call fetch", async () => {
  using server = Bun.listen({
    ...{ hostname: "127.0.0.1", port: 0 },
    socket: {
      data(socket) {
        socket.write(
          "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
        );
        socket.write("3\r\n:\n\n\r\n");
        socket.end();
      },
    },
  });
  const response = await fetch(`http://127.0.0.1:${server.port}/`);
  const thrown: unknown = await response.text().catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(Error);
  expect(String(thrown)).toContain("verbose: true");
  expect(failureOf(thrown)).toBe("ECONNRESET: The socket connection was closed unexpectedly.");
});
