import { expect, test } from "bun:test";
import { encodePayload, isFromLaterRelease } from "./payload.ts";

test("a payload is of a later release when its version is greater, and not when it is none", () => {
  expect(isFromLaterRelease(encodePayload({ v: 2 }))).toBe(true);
  const text = (json: string) => isFromLaterRelease(new TextEncoder().encode(json));
  expect(
    ["", "{", "null", "[2]", "{}", '{"v":"2"}', '{"v":1}', '{"v":0}', '{"v":1.5}', '{"v":1e999}'].map(text),
  ).toEqual(new Array(10).fill(false));
});
