import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { z } from "zod";
import { program, type TestCell, type TestCells, testCells } from "../cells/testing/test-cells.ts";
import { fuzzedBytes, randomFrom } from "./testing/mutations.ts";
import { RawClient } from "./testing/raw-client.ts";
import { type Rig, startRig, TestDispatcher, targetOf } from "./testing/rig.ts";

// More cases, or other ones: OW_FUZZ_CASES, OW_FUZZ_SEED.
const cases = Number(process.env.OW_FUZZ_CASES ?? 400);
const seed = Number(process.env.OW_FUZZ_SEED ?? 20_261_122);
const bodyLimit = 1_000;
// Fills any body that a damaged length announces, ends any line, and is then no request: the connection ends.
const filler = `${"Z".repeat(2 * bodyLimit)}\r\n\r\nZ\r\n\r\n`;

const echo = `export default { async fetch(request) {
  const body = Buffer.from(await request.arrayBuffer()).toString("latin1");
  const url = request.url;
  return Response.json({
    method: request.method,
    path: url.slice(url.indexOf("/", 7)),
    host: request.headers.get("host") ?? "",
    marked: [...request.headers].filter(([name]) => name.startsWith("x-m")),
    body,
  });
} }`;
const readSchema = z.object({
  method: z.string(),
  path: z.string(),
  host: z.string(),
  marked: z.array(z.tuple([z.string(), z.string()])),
  body: z.string(),
});
type Read = z.infer<typeof readSchema>;

let cells: TestCells;
let cell: TestCell;
let rig: Rig;
let reference: Bun.Subprocess<"ignore", "pipe", "inherit">;
let told: AsyncIterator<string>;
const directory = mkdtempSync(join(tmpdir(), "ow-fuzz-"));
const referenceSocket = join(directory, "reference");

beforeAll(async () => {
  cells = await testCells();
  cell = await cells.start(program(`import { Buffer } from "node:buffer"; ${echo}`), { cpuMs: 30_000 });
  const target = targetOf("hello", { bodyBytes: bodyLimit });
  // Damaged host names too: a request that nobody answers would hide how it was read.
  rig = startRig(new TestDispatcher(cell.cell.httpSocket), { router: { resolve: () => target } });
  reference = Bun.spawn(["node", join(import.meta.dir, "testing/reference-server.mjs"), referenceSocket], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  told = createInterface({ input: Readable.fromWeb(reference.stdout) })[Symbol.asyncIterator]();
  await told.next();
});
afterAll(async () => {
  reference.kill();
  await rig[Symbol.asyncDispose]();
  await cell[Symbol.asyncDispose]();
  await cells[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

/** Every request that the reference reads in `bytes`, in order, until the connection ends. */
async function referenceReads(bytes: string): Promise<Read[]> {
  const socket = await Bun.connect({ unix: referenceSocket, socket: { data() {}, error() {} } });
  socket.end(Buffer.from(bytes + filler, "latin1"));
  const line = await told.next();
  return z.array(readSchema).parse(JSON.parse(line.value ?? ""));
}

/** Every request that the cell got of `bytes`, in order, until the connection ended. */
async function cellReads(bytes: string): Promise<Read[]> {
  using client = await RawClient.connect(rig.ingress.port);
  client.send(bytes + filler);
  await client.untilClosed();
  const reads: Read[] = [];
  const text = client.text;
  for (let at = 0; at < text.length; ) {
    const headEnd = text.indexOf("\r\n\r\n", at) + 4;
    if (headEnd < 4) break;
    const head = text.slice(at, headEnd);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    const body = Buffer.from(text.slice(headEnd, headEnd + length), "latin1").toString("utf8");
    at = headEnd + length;
    if (head.startsWith("HTTP/1.1 100 ")) continue;
    // Answered by the ingress itself: what follows a method that the reference does not know cannot be compared.
    if (!head.startsWith("HTTP/1.1 200 ")) break;
    reads.push(readSchema.parse(JSON.parse(body)));
  }
  return reads;
}

/** What both show alike: repeated fields joined in the order of the wire, and no bytes beyond ASCII decoded. */
function normal({ marked, ...read }: Read, drop: ReadonlySet<string>) {
  const joined = new Map<string, string>();
  for (const [name, value] of marked) {
    if (drop.has(name)) continue;
    const before = joined.get(name);
    joined.set(name, ascii(before === undefined ? value : `${before}, ${value}`));
  }
  return { ...read, path: ascii(read.path), marked: [...joined].sort(([a], [b]) => (a < b ? -1 : 1)) };
}

/** What the reference refuses and RFC 9112 does not: nothing to compare. */
const stricter = [
  // A tab after a length is optional white space (§5).
  /^content-length:[ \d]*\t/im,
];

function ascii(text: string): string {
  return text.replace(/[^ -~]+/g, "?");
}

test(`a cell reads the requests that a client sent, or none (seed ${seed})`, async () => {
  const random = randomFrom(seed);
  let forwarded = 0;
  let refused = 0;
  for (let index = 0; index < cases; index++) {
    const bytes = fuzzedBytes(random);
    if (stricter.some((pattern) => pattern.test(bytes))) continue;
    const [direct, through] = await Promise.all([referenceReads(bytes), cellReads(bytes)]);
    // Hop-by-hop by the client's own word: the ingress takes it out, the reference does not know.
    const drop = new Set(["x-m1"].filter(() => /connection:.*x-m1/i.test(bytes)));
    const what = { seed, index, bytes };
    expect({ ...what, reads: through.map((read) => normal(read, drop)) }).toEqual({
      ...what,
      reads: direct.slice(0, through.length).map((read) => normal(read, drop)),
    });
    forwarded += through.length;
    if (through.length < direct.length || direct.length === 0) refused += 1;
  }
  // Otherwise the mutations are too wild, or too tame, to show anything.
  expect(forwarded).toBeGreaterThan(cases / 4);
  expect(refused).toBeGreaterThan(cases / 20);
  expect(rig.reports).toEqual([]);
  expect(await cellReads("GET /still HTTP/1.1\r\nHost: hello.localhost\r\n\r\n")).toMatchObject([
    { path: "/still" },
  ]);
}, 60_000);
