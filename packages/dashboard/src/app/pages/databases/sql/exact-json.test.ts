import { expect, test } from "bun:test";
import { parseExact, textOf } from "./exact-json.ts";

test("no digit of a result is lost", () => {
  const text =
    '[9007199254740993,1.0,0.1,-0,1e400,"9223372036854775807",{"a":[12345678901234567890.5,true,null]}]';
  const parsed = parseExact(text) as unknown[];
  expect(JSON.stringify(parsed)).toBe(text);
  expect(parsed.map(textOf)).toEqual([
    "9007199254740993",
    "1.0",
    "0.1",
    "-0",
    "1e400",
    "9223372036854775807",
    '{"a":[12345678901234567890.5,true,null]}',
  ]);
  expect(textOf(null)).toBeUndefined();
});
