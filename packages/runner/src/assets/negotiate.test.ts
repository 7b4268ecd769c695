import { describe, expect, test } from "bun:test";
import { acceptedEncoding, matchesTag, rangeOf } from "./negotiate.ts";

test.each([
  [undefined, undefined],
  ["", undefined],
  ["gzip, deflate, br, zstd", "br"],
  ["gzip", "gzip"],
  ["BR;q=0.5, gzip;q=0.8", "gzip"],
  ["br;q=0, gzip", "gzip"],
  ["br;q=0, gzip;q=0", undefined],
  ["*", "br"],
  ["*;q=0", undefined],
  ["identity;q=1, br;q=0.5", undefined],
  ["identity;q=0.5, br", "br"],
  ["br;q=wrong, gzip", "gzip"],
  ["x-br", undefined],
] as const)("Accept-Encoding %p gives %p", (accept, encoding) => {
  expect(acceptedEncoding(accept)).toBe(encoding);
});

test.each([
  ['"a"', true],
  ['W/"a"', true],
  ['"b", "a"', true],
  ["*", true],
  ['"b"', false],
  ["a", false],
  ['"a-br"', false],
] as const)("If-None-Match %p: %p", (header, matches) => {
  expect(matchesTag(header, ['"a"'])).toBe(matches);
});

describe("of 100 bytes, Range", () => {
  test.each([
    ["bytes=0-9", { from: 0, to: 9 }],
    ["bytes=90-", { from: 90, to: 99 }],
    ["bytes=-10", { from: 90, to: 99 }],
    ["bytes=-1000", { from: 0, to: 99 }],
    ["bytes=50-1000", { from: 50, to: 99 }],
    ["bytes=99-99", { from: 99, to: 99 }],
    ["bytes=100-", "unsatisfiable"],
    ["bytes=-0", "unsatisfiable"],
    ["bytes=999999999999999-", "unsatisfiable"],
    ["bytes=9-0", undefined],
    ["bytes=0-1,5-6", undefined],
    ["bytes=-", undefined],
    ["bytes=a-b", undefined],
    ["lines=0-1", undefined],
    ["bytes=9999999999999999-", undefined],
  ] as const)("%p gives %p", (header, range) => {
    expect(rangeOf(header, 100)).toEqual(range);
  });

  test("of an empty file nothing can be had", () => {
    expect(rangeOf("bytes=0-0", 0)).toBe("unsatisfiable");
  });
});
