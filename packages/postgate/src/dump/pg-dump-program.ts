import { readSync, writeSync } from "node:fs";
import { pgDump } from "@electric-sql/pglite-tools/pg_dump";
import { FrameReader } from "./frames.ts";

// pg_dump compiled to WebAssembly, as a process of its own: it asks its questions in PostgreSQL's protocol on standard
// output, waits for each answer on standard input (it can do nothing else than wait: it knows no promises), and writes the
// SQL after its goodbye. See `pg-dump.ts` for the other end.

const written = new FrameReader({ startup: true });
const answers = new FrameReader({ startup: false });
const buffer = Buffer.alloc(65_536);

function send(bytes: Uint8Array): void {
  for (let sent = 0; sent < bytes.length; ) sent += writeSync(1, bytes, sent);
}

function answer(onRawData: (bytes: Uint8Array) => void): void {
  for (;;) {
    const count = readSync(0, buffer);
    if (count === 0) throw new Error("the connection has ended");
    onRawData(buffer.slice(0, count));
    for (const { type } of answers.read(buffer.subarray(0, count))) if (type === "Z") return;
  }
}

const connection = {
  execProtocolRawStream(
    bytes: Uint8Array,
    { onRawData }: { readonly onRawData: (bytes: Uint8Array) => void },
  ) {
    const copy = Buffer.from(bytes);
    send(copy);
    for (const { type } of written.read(copy)) {
      if (type === undefined) written.started();
      if (type === undefined || type === "Q") answer(onRawData);
    }
  },
  // What it does for the settings of a PGlite, which this is not.
  query: async () => ({ rows: [{ search_path: "public" }] }),
  exec: async () => [],
};

try {
  const dump = await pgDump({
    pg: connection as unknown as Parameters<typeof pgDump>[0]["pg"],
    args: process.argv.slice(2),
  });
  send(Buffer.from(await dump.arrayBuffer()));
} catch (thrown) {
  process.stderr.write(thrown instanceof Error ? thrown.message : String(thrown));
  process.exitCode = 1;
}
