import { expect, test } from "bun:test";
import { failedFiles } from "./failed-files.ts";

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
(fail) four > five [2.00ms]

 3 pass
 2 fail
Ran 5 tests across 3 files. [1.00s]`;

test("files are named whose tests failed, once each", () => {
  expect(failedFiles(printed.split("\n"))).toEqual(["packages/b.test.ts"]);
});

test.each([
  ["an error between tests", printed.replace(" 2 fail", " 2 fail\n 1 error")],
  ["a failure of no file", printed.replace(" 2 fail", " 3 fail")],
  ["an end without a count", printed.replace(" 2 fail\n", "")],
])("%s is not to be mended by running files again", (_what, text) => {
  expect(failedFiles(text.split("\n"))).toBeUndefined();
});
