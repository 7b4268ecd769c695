import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type EgressRig, type EgressWorker, egressRig } from "./testing/rig.ts";
import { identity, rawServer } from "./testing/servers.ts";
import { actions, obedient } from "./testing/worker.ts";

let rig: EgressRig;
let worker: EgressWorker;

beforeAll(async () => {
  rig = await egressRig({ resolve: async () => ["127.0.0.1"] });
  worker = await rig.start(obedient, {
    policy: { allow: ["127.0.0.1", "db.test"] },
    modules: actions({
      // As the documentation of Cloudflare has it: write, close, read all.
      whois: `const socket = connect(query.get("to")); const writer = socket.writable.getWriter();
        await writer.write(new TextEncoder().encode("question")); await writer.close();
        return new Response(socket.readable).text();`,
      large: `const socket = connect(query.get("to")); const writer = socket.writable.getWriter();
        const sent = (async () => { for (let i = 0; i < 64; i++) await writer.write(new Uint8Array(65536).fill(i)); await writer.close(); })();
        let length = 0; for await (const chunk of socket.readable) length += chunk.length; await sent; return length;`,
      leave:
        'const socket = connect(query.get("to")); await socket.opened; await socket.close(); return "closed";',
      opened:
        'const socket = connect(query.get("to"), { secureTransport: query.get("tls") }); await socket.opened; return "open";',
      starttls: `const plain = connect(query.get("to"), { secureTransport: "starttls" }); await plain.opened;
        const socket = plain.startTls(); const writer = socket.writable.getWriter(); await writer.write(new TextEncoder().encode("password")); return "sent";`,
      write: `const socket = connect(query.get("to"), { secureTransport: "on" }); const writer = socket.writable.getWriter();
        await writer.write(new TextEncoder().encode("password")); return "sent";`,
    }),
  });
});
afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await rig[Symbol.asyncDispose]();
});

const ask = async (action: string, query: Record<string, string>): Promise<unknown> =>
  (await worker.ask(`/${action}?${new URLSearchParams(query)}`)).json();

describe("a worker's connection", () => {
  test("carries bytes both ways, and may be closed on one side first", async () => {
    using server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      allowHalfOpen: true,
      socket: {
        open: (socket) => void socket.write("banner "),
        data: (socket, bytes) => void socket.write(`heard ${bytes}`),
        end: (socket) => void socket.end(" to its end"),
      },
    });
    for (const host of ["127.0.0.1", "db.test"]) {
      expect(await ask("whois", { to: `${host}:${server.port}` })).toBe("banner heard question to its end");
    }
    server.stop(true);
  });

  test("carries more than any buffer holds", async () => {
    const size = 4 * 2 ** 20;
    const bytes = new Uint8Array(size);
    const sent = new WeakMap<object, number>();
    const heard = new WeakSet<object>();
    // Sends as much as is taken, and ends when the worker has ended.
    using server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      allowHalfOpen: true,
      socket: {
        open: (socket) => pump(socket),
        data() {},
        drain: (socket) => pump(socket),
        end(socket) {
          heard.add(socket);
          pump(socket);
        },
      },
    });
    function pump(socket: { write(bytes: Uint8Array): number; end(): unknown }): void {
      let at = sent.get(socket) ?? 0;
      at += Math.max(0, socket.write(bytes.subarray(at)));
      sent.set(socket, at);
      if (at === size && heard.has(socket)) socket.end();
    }
    expect(await ask("large", { to: `127.0.0.1:${server.port}` })).toBe(size);
    server.stop(true);
  });

  test("ends at the other side when the worker ends it", async () => {
    using server = rawServer();
    expect(await ask("leave", { to: `127.0.0.1:${server.port}` })).toBe("closed");
    await server.until(() => server.opened() === 1 && server.open() === 0);
  });

  test("is refused where the guard lets nothing through", async () => {
    for (const to of ["10.0.0.1:5432", "169.254.169.254:80", "[::1]:22", "127.0.0.1:25", "other.test:443"]) {
      expect(await ask("opened", { to, tls: "off" })).toEqual({
        error: expect.stringContaining("proxy request failed, cannot connect to the specified address"),
      });
    }
  });

  test("that was refused says why in the worker's log", async () => {
    await ask("opened", { to: "10.99.0.1:5432", tls: "off" });
    expect(worker.lines).toContainEqual(
      expect.objectContaining({
        level: "warn",
        message:
          "The platform refused the connection: 10.99.0.1 is not in the worker's openworkers.egress.allow.",
      }),
    );
  });

  test("is refused when TLS is to be spoken in the cell, before a byte of the worker's has left", async () => {
    using server = rawServer();
    using secure = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      tls: identity("server.test"),
      fetch: () => new Response(""),
    });
    for (const { port } of [server, secure]) {
      for (const action of ["starttls", "write"]) {
        expect(await ask(action, { to: `127.0.0.1:${port}` })).toMatchObject({ error: expect.any(String) });
      }
      expect(await ask("opened", { to: `127.0.0.1:${port}`, tls: "on" })).toMatchObject({
        error: expect.any(String),
      });
    }
    expect(server.received()).toBe("");
    secure.stop(true);
  });
});
