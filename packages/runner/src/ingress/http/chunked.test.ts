import { expect, test } from "bun:test";
import { ChunkedDecoder, encodeChunk } from "./chunked.ts";

function decodeIn(text: string, step: number): { body: string; decoder: ChunkedDecoder; consumed: number } {
  const decoder = new ChunkedDecoder();
  let body = "";
  let consumed = 0;
  for (let at = 0; at < text.length && !decoder.done && !decoder.broken; at += step) {
    const decoded = decoder.decode(Buffer.from(text.slice(at, at + step), "latin1"));
    body += Buffer.concat(decoded.slices).toString("latin1");
    consumed += decoded.consumed;
  }
  return { body, decoder, consumed };
}

const whole = '5\r\nhello\r\n6;name=value;q="x y"\r\n world\r\n00\r\nX-Trailer: 1\r\n\r\n';

test("a body decodes alike however it is cut", () => {
  for (let step = 1; step <= whole.length; step++) {
    const { body, decoder, consumed } = decodeIn(whole, step);
    expect([step, body, decoder.done, consumed]).toEqual([step, "hello world", true, whole.length]);
  }
});

test("what follows the body is left alone", () => {
  const { body, decoder, consumed } = decodeIn("1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n", 1_000);
  expect([body, decoder.done, consumed]).toEqual(["a", true, 11]);
});

const broken = [
  "g\r\n",
  "\r\n",
  "-1\r\n",
  "+1\r\n",
  "0x1\r\n",
  " 1\r\n",
  "1_0\r\n",
  "1\na\r\n",
  "1\r\nab\r\n",
  "1\r\na\n",
  "1\r\nabc",
  "1;\0\r\n",
  "1 a\r\n",
  "1 \r\n",
  "1;a=\xe9\r\n",
  "1;a=,b\r\n",
  '1;a="b\r\n',
  "1111111111111\r\n",
  `1;${"a".repeat(300)}\r\n`,
  "a".repeat(300),
  "0\r\nno colon\r\n\r\n",
  "0\r\n\n",
  "0\r\n: no name\r\n\r\n",
  "0\r\nContent-Length: 3\r\n\r\n",
  "0\r\nHost: other\r\n\r\n",
  "0\r\nA: b\rTransfer-Encoding: chunked\r\n\r\n",
  `0\r\n${"a: b\r\n".repeat(2_000)}\r\n`,
];

for (const text of broken) {
  test(`${JSON.stringify(text.slice(0, 24))} is no chunked body, however it is cut`, () => {
    for (const step of [1, 2, 3, 7, text.length]) {
      const { decoder } = decodeIn(text, step);
      expect([step, decoder.broken, decoder.done]).toEqual([step, true, false]);
    }
  });
}

test("an encoded chunk decodes to itself", () => {
  const encoded = encodeChunk([Buffer.from("ab"), Buffer.from("c")], 3, true).toString("latin1");
  expect(encoded).toBe("3\r\nabc\r\n0\r\n\r\n");
  expect(encodeChunk([], 0, true).toString("latin1")).toBe("0\r\n\r\n");
  // A chunk of size 0 would end the body.
  expect(encodeChunk([], 0, false)).toHaveLength(0);
});
