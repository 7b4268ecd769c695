import { describe, expect, test } from "bun:test";
import { Message } from "capnp-es";
import { Message as Rpc } from "capnp-es/capnp/rpc";
import { randomFrom } from "../testing/mutations.ts";
import { failedReturn } from "./failed-return.ts";
import { MessageStream, type RpcMessage } from "./message-stream.ts";

function encode(build: (root: Rpc) => void): Buffer {
  const message = new Message();
  build(message.initRoot(Rpc));
  return Buffer.from(message.toArrayBuffer());
}

const call = (question: number, interfaceId: bigint, capabilities = 0): Buffer =>
  encode((root) => {
    const made = root._initCall();
    made.questionId = question;
    made.interfaceId = interfaceId;
    made.methodId = 9;
    made._initTarget().importedCap = 1;
    made._initParams()._initCapTable(capabilities);
  });
const returned = (question: number): Buffer =>
  encode((root) => {
    const made = root._initReturn();
    made.answerId = question;
    made._initResults();
  });
const bootstrap = encode((root) => {
  root._initBootstrap().questionId = 7;
});
const finish = encode((root) => {
  root._initFinish().questionId = 3;
});

const stream = Buffer.concat([
  bootstrap,
  call(1, 0xf20697475ec1752dn),
  call(2, 0xa1a96525142a9d98n, 100),
  returned(1),
  finish,
  failedReturn(2, "because of ümläuts"),
]);
const expected: RpcMessage[] = [
  { kind: "bootstrap", question: 7 },
  { kind: "call", question: 1, interfaceLow: 0x5ec1752d, interfaceHigh: 0xf2069747 },
  { kind: "call", question: 2, interfaceLow: 0x142a9d98, interfaceHigh: 0xa1a96525 },
  { kind: "return", question: 1, failed: false },
  { kind: "other" },
  { kind: "return", question: 2, failed: true },
];

/** What a stream says of `chunks`, and whether it takes them all. */
function follow(chunks: readonly Buffer[]): { messages: RpcMessage[]; taken: boolean; between: boolean } {
  const messages: RpcMessage[] = [];
  const followed = new MessageStream((message) => messages.push(message));
  // `every` would stop at the first that is refused; a stream that is broken stays so.
  const taken = chunks.map((chunk) => followed.push(chunk)).every(Boolean);
  return { messages, taken, between: followed.between };
}

describe("a stream of Cap'n Proto messages", () => {
  test("is told apart into its messages, however it is cut into chunks", () => {
    expect(follow([stream])).toEqual({ messages: expected, taken: true, between: true });
    const random = randomFrom(1);
    for (let round = 0; round < 500; round++) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < stream.length; ) {
        const length = 1 + Math.floor(random() * (round % 7 === 0 ? 3 : 200));
        chunks.push(Buffer.from(stream.subarray(at, at + length)));
        at += length;
      }
      expect(follow(chunks)).toEqual({ messages: expected, taken: true, between: true });
    }
  });

  test("knows when a message is half through", () => {
    expect(follow([stream.subarray(0, -1)]).between).toBe(false);
    expect(follow([stream.subarray(0, bootstrap.length)]).between).toBe(true);
    expect(follow([stream.subarray(0, bootstrap.length + 3)]).between).toBe(false);
  });

  test("is refused when it is none, too large or not laid out in order", () => {
    const words = (...given: number[]) => Buffer.from(Uint32Array.from(given).buffer);
    const farCall = Buffer.from(call(1, 1n));
    // The pointer to the call leads before the message.
    farCall.writeInt32LE(-64 << 2, 8 + 16);
    const refused = [
      words(0xffff_fffe, 1),
      words(100_000, 1),
      words(0, 64 * 2 ** 20),
      Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"),
      farCall,
      words(0, 0),
    ];
    for (const bytes of refused)
      expect([bytes.toString("hex"), follow([bytes, stream]).taken]).toEqual([bytes.toString("hex"), false]);
  });

  test("never throws, whatever it is sent", () => {
    const random = randomFrom(2);
    for (let round = 0; round < 3_000; round++) {
      const bytes = Buffer.from(stream);
      for (let flips = 0; flips < 4; flips++)
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      expect(() => follow([bytes])).not.toThrow();
    }
  });
});
