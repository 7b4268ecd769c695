import fc from "fast-check";

// Stand for JSON text that no value gives: written by `jsonText`.
const deepArray = "@deep-array@";
const deepObject = "@deep-object@";
const tooLarge = "@too-large@";

/** A value's JSON, with what no value can say. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll(`"${deepArray}"`, () => "[".repeat(20_000) + "]".repeat(20_000))
    .replaceAll(`"${deepObject}"`, () => `${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}`)
    .replaceAll(`"${tooLarge}"`, () => "1e999");
}

const texts = [
  "",
  " ",
  "\0",
  "a\0b",
  "\ud800",
  "a\udfff",
  "\uffff\ufffe",
  "\u202e\u200b",
  "..",
  "../../etc/passwd",
  "%00",
  "%",
  "'; drop table users; --",
  '"',
  "\\",
  "\r\nx: y",
  "__proto__",
  "constructor",
  "null",
  "-1",
  "1e400",
  "99999999999999999999",
  "00000000-0000-0000-0000-000000000000",
  "0190A000-0000-7000-8000-000000000000",
  "é".normalize("NFD"),
  "😀",
  "x".repeat(300),
  "x".repeat(70_000),
  "é".repeat(2_000),
] as const;

/** Text that somebody who means harm writes, or nobody expects. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...texts) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
);

const numbers = [0, -0, -1, 1, 1.5, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 63), 1e308, 5e-324];
const others: readonly unknown[] = [
  null,
  true,
  [],
  {},
  [[]],
  { __proto__: null, constructor: { prototype: 1 } },
  deepArray,
  deepObject,
  tooLarge,
];

/** JSON of whatever kind. */
export const hostileJson: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: hostileText },
  { weight: 2, arbitrary: fc.constantFrom<unknown>(...numbers) },
  { weight: 2, arbitrary: fc.constantFrom(...others) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  { weight: 1, arbitrary: fc.constant(Array.from({ length: 3_000 }, (_, index) => `n${index}`)) },
);

/** Bytes that are no JSON, or hardly. */
export const hostileBytes: fc.Arbitrary<Uint8Array<ArrayBuffer>> = fc
  .oneof(
    fc.constantFrom(
      "",
      "{",
      "nul",
      "[1,]",
      "\ufeff{}",
      '{"a":1,"a":2}',
      '{"__proto__":{"x":1}}',
      '"\\ud800"',
      "\0",
      '{"name":"\\u0000"}',
      "[".repeat(200_000),
      `"${"x".repeat(1_100_000)}"`,
    ),
    fc.json(),
  )
  .map((text) => new TextEncoder().encode(text))
  .chain((bytes) =>
    fc.oneof(
      { weight: 5, arbitrary: fc.constant(bytes) },
      { weight: 1, arbitrary: fc.constant(new Uint8Array([0x22, 0xff, 0xfe, 0x22])) },
    ),
  );

/** One segment of a path, as it is sent: percent-encoded well, or not. */
export const hostileSegment: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    "%",
    "%zz",
    "%ff",
    "%00",
    "%2e%2e",
    "%2f",
    "a%2fb",
    "%ed%a0%80",
    ":",
    "*",
    "a;b=c",
    "@",
    "~",
  ),
  hostileText.map((text) => encodeURIComponent(text.toWellFormed()).slice(0, 8_000)),
);
