import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import type { TxtResolver } from "../backend/dns.ts";

/** What a name server says: the strings of each TXT record, no record, no such name, or that it has failed. */
export type TxtAnswer = readonly (readonly string[])[] | "no such name" | "failed" | "silence";

export interface TxtServer extends AsyncDisposable {
  /** Asks this server and no other. */
  readonly resolver: TxtResolver;
  /** Names that were asked for. */
  readonly asked: readonly string[];
}

const codes = { "no such name": 3, failed: 2 } as const;

/** A name server on loopback that speaks DNS over UDP, as far as TXT records go (RFC 1035). */
export async function txtServer(answer: (name: string) => TxtAnswer): Promise<TxtServer> {
  const asked: string[] = [];
  const socket = createSocket("udp4");
  const { promise: listening, resolve: up } = Promise.withResolvers<void>();
  socket.bind(0, "127.0.0.1", up);
  await listening;
  socket.on("message", (message, peer) => {
    const labels: string[] = [];
    let end = 12;
    for (let length = message[end] ?? 0; length > 0; length = message[end] ?? 0) {
      labels.push(message.toString("latin1", end + 1, end + 1 + length));
      end += 1 + length;
    }
    const name = labels.join(".").toLowerCase();
    asked.push(name);
    const said = answer(name);
    if (said === "silence") return;
    const records = typeof said === "string" ? [] : said.map(record);
    const header = Buffer.from(message.subarray(0, 12));
    header.writeUInt16BE(0x8180 | (typeof said === "string" ? codes[said] : 0), 2);
    header.writeUInt16BE(records.length, 6);
    header.writeUInt32BE(0, 8);
    // The question, with its type and class, comes back as it was.
    const response = Buffer.concat([header, message.subarray(12, end + 5), ...records]);
    socket.send(response, peer.port, peer.address);
  });
  const address = `127.0.0.1:${socket.address().port}`;
  return {
    resolver: {
      // A new one each time: one remembers how its server did before.
      resolveTxt(name) {
        const resolver = new Resolver({ timeout: 200, tries: 1 });
        resolver.setServers([address]);
        return resolver.resolveTxt(name);
      },
    },
    asked,
    async [Symbol.asyncDispose]() {
      const { promise, resolve } = Promise.withResolvers<void>();
      socket.close(resolve);
      await promise;
    },
  };
}

/** A TXT record for the name in the question, not to be kept. */
function record(strings: readonly string[]): Buffer {
  const data = Buffer.concat(
    strings.map((text) => Buffer.concat([Buffer.of(text.length), Buffer.from(text)])),
  );
  const head = Buffer.from([0xc0, 0x0c, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0]);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}
