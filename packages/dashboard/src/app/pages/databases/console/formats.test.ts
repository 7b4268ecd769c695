import { expect, test } from "bun:test";
import { parseExact } from "../sql/exact-json.ts";
import type { Result } from "../sql/queries.ts";
import { toCsv, toJson } from "./formats.ts";

const result = parseExact(
  '{"columns":[{"name":"id"},{"name":"a, b"}],"rows":[["9223372036854775807",null],[1.0,""],[true,"x\\n\\"y\\""],[{"n":9007199254740993},[1,2]]]}',
) as Result;

test("CSV tells NULL from an empty text, quotes what must be, and keeps digits", () => {
  expect(toCsv(result)).toBe(
    'id,"a, b"\r\n9223372036854775807,\r\n1.0,""\r\ntrue,"x\n""y"""\r\n"{""n"":9007199254740993}","[1,2]"\r\n',
  );
});

test("JSON keeps digits", () => {
  expect(toJson(result)).toContain('{"id":{"n":9007199254740993},"a, b":[1,2]}');
  expect(toJson({ ...result, rows: [] })).toBe("[]\n");
});
