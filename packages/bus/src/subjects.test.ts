import { expect, test } from "bun:test";
import { checkMessageId } from "./checks.ts";
import { checkFilter, checkSubject, covers, matches, overlap } from "./subjects.ts";

const invalid = expect.objectContaining({ code: "INVALID_INPUT" });

test("a subject or an id cannot carry another command", () => {
  for (const text of ["a\r\nPUB b 0\r\n", "a b", "a\tb", "a\0", "", "a\u2028b", "é"]) {
    expect(() => checkSubject(text)).toThrow(invalid);
    expect(() => checkFilter(text)).toThrow(invalid);
    expect(() => checkMessageId(text)).toThrow(invalid);
  }
});

test("what stands for many subjects is no subject, and only a last `>` does", () => {
  for (const text of ["a.*", "*", ">", "a.>", ".a", "a.", "a..b", "a>", "x".repeat(256)]) {
    expect(() => checkSubject(text)).toThrow(invalid);
  }
  for (const text of ["a", "ow.logs.0123-ab_c", "$JS.API"]) checkSubject(text);
  checkFilter("a.>");
  for (const text of [">", "a.>.b", "a.*", "a>"]) expect(() => checkFilter(text)).toThrow(invalid);
});

test.each([
  ["a.b", "a.b", true],
  ["a.b", "a.b.c", false],
  ["a.>", "a.b", true],
  ["a.>", "a.b.c", true],
  ["a.>", "a", false],
  ["a.>", "ab.c", false],
])("%s asks for %s: %p", (filter, subject, expected) => {
  expect(matches(filter, subject)).toBe(expected);
  expect(overlap(filter, subject)).toBe(expected);
  expect(overlap(subject, filter)).toBe(expected);
  expect(covers(filter, subject)).toBe(expected);
});

test.each([
  ["a.>", "a.b.>", true, true],
  ["a.b.>", "a.>", true, false],
  ["a.>", "b.>", false, false],
  ["a.>", "ab.>", false, false],
  ["a.b", "a.>", true, false],
])("%s and %s overlap: %p; the first covers the second: %p", (one, other, overlapping, covering) => {
  expect(overlap(one, other)).toBe(overlapping);
  expect(covers(one, other)).toBe(covering);
});
