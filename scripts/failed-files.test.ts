import { expect, test } from "bun:test";
import { failedFiles } from "./failed-files.ts";

test("files are named whose tests failed, once each", () => {
  const printed = `bun test v1.4.5

packages/a.test.ts:
(pass) one [1.00ms]

packages/b.test.ts:
error: expect(received).toBe(expected)
\u001b[31m(fail)\u001b[0m two [2.00ms]

packages/a.test.ts:
(pass) three [1.00ms]

packages/b.test.ts:
(fail) four > five [2.00ms]

packages/c.test.ts:
(pass) says (fail) in its name

2 tests failed:
(fail) two [2.00ms]
(fail) four > five [2.00ms]`;
  expect([...failedFiles(printed.split("\n"))]).toEqual(["packages/b.test.ts"]);
});
