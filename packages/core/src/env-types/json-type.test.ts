import { expect, test } from "bun:test";
import { typeOfJson } from "./json-type.ts";

test("a JSON value's type is as wide as its values' types", () => {
  const cases: [unknown, string][] = [
    [null, "null"],
    [1, "number"],
    [[], "unknown[]"],
    [[1, 2], "number[]"],
    [[1, "a", 2], "(number | string)[]"],
    [[[1, "a"], []], "((number | string)[] | unknown[])[]"],
    [{}, "{}"],
    [{ a: 1, "b-c": { d: [true] } }, '{ a: number; "b-c": { d: boolean[] } }'],
  ];
  for (const [value, type] of cases) expect(typeOfJson(value)).toBe(type);
});
