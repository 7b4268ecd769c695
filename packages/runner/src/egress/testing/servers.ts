import { createSocket } from "node:dgram";
import { Resolver as Dns } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Resolver } from "../dial/resolver.ts";

const certificates = join(import.meta.dir, "certificates");

/** The authority that the certificates here are signed by; its key was thrown away. */
export const authority = readFileSync(join(certificates, "authority.pem"), "utf8");
export const authorityFile = join(certificates, "authority.pem");

/** The key and certificate of a server: `server.test` (also `*.wild.test`, 127.0.0.1 and ::1), or one that has expired. */
export function identity(name: "server.test" | "expired.test"): { key: string; cert: string } {
  const read = (file: string) => readFileSync(join(certificates, file), "utf8");
  return { key: read(`${name}.key.pem`), cert: read(`${name}.pem`) };
}

export interface RawServer extends Disposable {
  readonly port: number;
  /** What has come in so far, over all connections. */
  readonly received: () => string;
  /** Connections that are open. */
  readonly open: () => number;
  readonly opened: () => number;
  /** Settles once `test` holds; looked at whenever something happens. */
  until(test: () => boolean): Promise<void>;
}

export interface RawHandlers {
  readonly opened?: (write: (text: string | Uint8Array) => number, end: () => void) => void;
  readonly received?: (text: string, write: (text: string | Uint8Array) => number, end: () => void) => void;
  readonly drained?: (write: (text: string | Uint8Array) => number) => void;
  readonly hostname?: string;
}

/** A TCP server that says and hears bytes. */
export function rawServer(handlers: RawHandlers = {}): RawServer {
  let received = "";
  let open = 0;
  let opened = 0;
  const waiting = new Set<() => void>();
  const happened = () => {
    for (const look of waiting) look();
  };
  const listener = Bun.listen({
    hostname: handlers.hostname ?? "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        open++;
        opened++;
        handlers.opened?.(
          (bytes) => socket.write(bytes),
          () => socket.end(),
        );
        happened();
      },
      data(socket, bytes) {
        const text = bytes.toString("latin1");
        received += text;
        handlers.received?.(
          text,
          (out) => socket.write(out),
          () => socket.end(),
        );
        happened();
      },
      drain(socket) {
        handlers.drained?.((bytes) => socket.write(bytes));
      },
      close() {
        open--;
        happened();
      },
      // `close` follows.
      error() {},
    },
  });
  return {
    port: listener.port,
    received: () => received,
    open: () => open,
    opened: () => opened,
    until(test) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const look = () => {
        if (!test()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      return promise;
    },
    [Symbol.dispose]() {
      listener.stop(true);
    },
  };
}

export interface NameServer extends AsyncDisposable {
  readonly resolve: Resolver;
  /** Questions for IPv4 addresses so far, by name. */
  readonly asked: ReadonlyMap<string, number>;
}

/** A real DNS server, and a resolver that asks it. `answer` gets how often the name was asked for before. */
export async function nameServer(
  answer: (name: string, times: number) => readonly string[],
): Promise<NameServer> {
  const asked = new Map<string, number>();
  const socket = createSocket("udp4");
  const { promise: listening, resolve: up } = Promise.withResolvers<void>();
  socket.bind(0, "127.0.0.1", up);
  await listening;
  socket.on("message", (message, peer) => {
    const question = message.subarray(12);
    const labels: string[] = [];
    let at = 0;
    for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
      labels.push(question.toString("latin1", at + 1, at + 1 + length));
      at += 1 + length;
    }
    const end = at + 5;
    const isA = question.readUInt16BE(at + 1) === 1;
    const name = labels.join(".").toLowerCase();
    const times = asked.get(name) ?? 0;
    if (isA) asked.set(name, times + 1);
    const records = isA ? answer(name, times).map(record) : [];
    const header = Buffer.from(message.subarray(0, 12));
    header.writeUInt16BE(0x8180, 2);
    header.writeUInt16BE(records.length, 6);
    header.writeUInt16BE(0, 10);
    socket.send(Buffer.concat([header, question.subarray(0, end), ...records]), peer.port, peer.address);
  });
  const dns = new Dns();
  dns.setServers([`127.0.0.1:${socket.address().port}`]);
  return {
    asked,
    resolve: (name) => dns.resolve4(name),
    async [Symbol.asyncDispose]() {
      dns.cancel();
      const { promise, resolve } = Promise.withResolvers<void>();
      socket.close(resolve);
      await promise;
    },
  };
}

/** An A record for the name in the question, not to be kept. */
function record(address: string): Buffer {
  const head = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
  return Buffer.concat([head, Buffer.from(address.split(".").map(Number))]);
}
