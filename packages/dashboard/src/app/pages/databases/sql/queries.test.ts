import { expect, test } from "bun:test";
import { readResults } from "./queries.ts";

test("values keep their digits, and times are numbers however they are written", () => {
  const text =
    '{"results":[{"columns":[{"name":"a","type":"json"}],"rows":[[1.0]],"command":"SELECT","rowCount":1,"durationMs":0.080}]}';
  const [result] = readResults(text);
  expect(result?.durationMs).toBe(0.08);
  expect(JSON.stringify(result?.rows)).toBe("[[1.0]]");
});
