/** A pseudo-random source that a seed repeats (mulberry32): numbers from 0 to 1, exclusive. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const host = "Host: hello.localhost\r\n";
const requests = [
  `GET /a HTTP/1.1\r\n${host}X-M1: one\r\n\r\n`,
  `POST /b?q=1 HTTP/1.1\r\n${host}Content-Length: 5\r\nX-M1: two\r\n\r\nhello`,
  `POST /c HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  `PUT /d HTTP/1.1\r\nX-M2: x\r\n${host}Transfer-Encoding: chunked\r\nTrailer: X-M3\r\n\r\nA;e=1\r\n0123456789\r\n3\r\nabc\r\n0\r\nX-M3: t\r\n\r\n`,
  `DELETE /e HTTP/1.1\r\n${host}Connection: keep-alive, X-M1\r\nX-M2: kept\r\nContent-Length: 0\r\n\r\n`,
  `POST /f HTTP/1.1\r\n${host}Content-Length: 29\r\n\r\nGET /inner HTTP/1.1\r\nHost: x\r\n`,
  `GET /g HTTP/1.1\r\n${host}X-M1: a\r\nx-m1: b\r\nConnection: close\r\n\r\n`,
  `GET /h HTTP/1.0\r\n${host}\r\n`,
  `GET http://other.localhost:81/i?q=http://third.localhost/ HTTP/1.1\r\n${host}X-M1: one\r\n\r\n`,
  `POST HTTP://other.localhost?j HTTP/1.1\r\n${host}Content-Length: 2\r\n\r\nhi`,
];

/** Lines that two parsers might read differently. */
const lines = [
  ...["Transfer-Encoding: chunked", "Transfer-Encoding : chunked", "Transfer-Encoding:\tchunked"],
  ...["Transfer-Encoding: identity", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: \x0bchunked"],
  ...["Transfer-Encoding: chunked\xa0", "Transfer-Encoding: gzip, chunked", "TRANSFER-ENCODING: CHUNKED"],
  ...["Transfer_Encoding: chunked", "Transfer-Encoding", "Transfer-Encoding:", " Transfer-Encoding: chunked"],
  ...["Content-Length: 3", "Content-Length: 03", "Content-Length: +3", "Content-Length: 3, 3"],
  ...[
    "Content-Length: 3 3",
    "Content-Length: 0x3",
    "Content-Length : 3",
    "content-length:3",
    "Content-Length: ",
  ],
  ...[
    "Content-Length: \xa03",
    "Content-Length: 3\x00",
    "Content-Length: 3;x",
    "X-M4: v\rTransfer-Encoding: chunked",
  ],
  ...[
    "X-M4: v\nContent-Length: 7",
    "X-M4: v\n\nGET /smuggled HTTP/1.1",
    "X-M4: v\r\r\nX-M5: w",
    "X-M4:\x00v",
  ],
  ...["\tX-M4: folded", "Host: other.localhost", "Host : other.localhost", "Connection: close"],
  ...[
    "Connection: content-length",
    "Connection: transfer-encoding, host",
    "Upgrade: h2c",
    "Expect: 100-continue",
  ],
  ...["X-M\xe9: 1", "X-M4: \xe9", "X-M4", ": v", "X-M4:v", "X-M(4): v", "X-M4: a\tb"],
];
const pieces = [
  ...["\r", "\n", "\r\n", "\r\n\r\n", "\n\n", "\0", "\t", " ", "  ", "\x0b", "\xa0", "\xff", ":", ";", ","],
  ...[
    "0",
    "5",
    "+",
    "-",
    "0x",
    "0\r\n\r\n",
    "5\r\nhello\r\n",
    "ffffffffffffffff\r\n",
    ";\n",
    ";a=\r",
    "HTTP/1.1",
    "HTTP/1.0",
  ],
  ...[
    "http://",
    "http://x@",
    "http://other.localhost",
    "https://other.localhost",
    "//",
    "@",
    "#",
    "?",
    "\\",
    "*",
  ],
];

/** One to three requests in a row, most of them damaged a little, as latin1. */
export function fuzzedBytes(random: () => number): string {
  const below = (limit: number) => Math.floor(random() * limit);
  const any = <T>(values: readonly T[], otherwise: T): T => values[below(values.length)] ?? otherwise;
  let text = "";
  for (let count = 1 + below(3); count > 0; count--) text += any(requests, "");
  for (let count = below(4); count > 0; count--) {
    const at = below(text.length);
    const line = text.indexOf("\r\n", at) + 2;
    const mutations: (() => string)[] = [
      () => `${text.slice(0, line)}${any(lines, "")}\r\n${text.slice(line)}`,
      () => `${text.slice(0, line)}${any(lines, "")}\r\n${text.slice(line)}`,
      () => text.slice(0, at) + any(pieces, "") + text.slice(at),
      () => text.slice(0, at) + any(pieces, "") + text.slice(at + 1),
      () => text.slice(0, at) + text.slice(at + 1 + below(4)),
      () => text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1),
      () => text.slice(0, line) + text.slice(text.indexOf("\r\n", line) + 2),
      () => text.slice(0, at) + text.slice(below(text.length)),
    ];
    text = any(mutations, () => text)();
  }
  return text;
}
