import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** What happens to the next connections, until it is set anew. */
export type Fault =
  | "none"
  /** Takes the request and says nothing. */
  | "silent"
  /** Breaks off before a word. */
  | "refused"
  /** Answers 500 itself, in S3's form. */
  | "error"
  /** Cuts the answer after so many bytes. */
  | { readonly cutAfter: number }
  /** Stops passing the answer on after so many bytes, and keeps the connection. */
  | { readonly stallAfter: number };

/** A relay on loopback between us and a real server, which can be told to fail. */
export interface FaultyProxy extends AsyncDisposable {
  readonly port: number;
  /** Ends the connections that there are, and lets those to come fail in this way. */
  fail(fault: Fault): void;
}

const errorBody = "<?xml version='1.0'?><Error><Code>InternalError</Code><Message>no</Message></Error>";

export async function faultyProxy(target: number): Promise<FaultyProxy> {
  const open = new Set<Socket>();
  let current: Fault = "none";
  const server = createServer((client) => {
    open.add(client);
    client.on("error", () => client.destroy());
    client.on("close", () => open.delete(client));
    const fault = current;
    if (fault === "refused") return void client.destroy();
    if (fault === "silent") return void client.resume();
    if (fault === "error") {
      client.resume();
      client.end(
        `HTTP/1.1 500 X\r\nContent-Length: ${errorBody.length}\r\nConnection: close\r\n\r\n${errorBody}`,
      );
      return;
    }
    const upstream = connect(target, "127.0.0.1");
    upstream.on("error", () => client.destroy());
    upstream.on("close", () => client.end());
    client.on("close", () => upstream.destroy());
    client.pipe(upstream);
    const limit =
      fault === "none" ? Number.POSITIVE_INFINITY : "cutAfter" in fault ? fault.cutAfter : fault.stallAfter;
    let passed = 0;
    upstream.on("data", (chunk: Buffer) => {
      const part = chunk.subarray(0, limit - passed);
      passed += part.byteLength;
      client.write(part);
      if (part.byteLength === chunk.byteLength) return;
      upstream.pause();
      if (typeof fault === "object" && "cutAfter" in fault) client.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const endAll = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: address.port,
    fail(fault) {
      current = fault;
      endAll();
    },
    async [Symbol.asyncDispose]() {
      endAll();
      server.close();
      await once(server, "close");
    },
  };
}
