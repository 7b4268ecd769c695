import { expect, test } from "bun:test";
import { parseDotenv } from "./dotenv.ts";

const accepted: { text: string; values: Record<string, string> }[] = [
  { text: "A=1\nB = two words \n", values: { A: "1", B: "two words" } },
  { text: "# comment\n\nexport A=1 # comment\nB=a#b", values: { A: "1", B: "a#b" } },
  { text: `A='$B # \\n'\nB="x\\ny\\"" # c`, values: { A: "$B # \\n", B: 'x\ny"' } },
  {
    text: 'KEY="-----BEGIN\nabc\n-----END"\nB=`a"b\'c`',
    values: { KEY: "-----BEGIN\nabc\n-----END", B: "a\"b'c" },
  },
  { text: "A=\r\nB=2\r\n", values: { A: "", B: "2" } },
  { text: "URL=postgres://u:p@h/d?x=1&y=2", values: { URL: "postgres://u:p@h/d?x=1&y=2" } },
];

for (const { text, values } of accepted) {
  test(`${JSON.stringify(text)} is read`, () => {
    expect(Object.fromEntries(parseDotenv(text))).toEqual(values);
  });
}

const refused: { text: string; says: string }[] = [
  { text: "A=1\nnonsense\n", says: ".env:2: expected KEY=value" },
  { text: "A=1\n\nB='open", says: ".env:3: the ' is never closed" },
  { text: 'A="x" y', says: ".env:1: there is text after the closing quote" },
];

for (const { text, says } of refused) {
  test(`${JSON.stringify(text)} is refused with its line`, () => {
    expect(() => parseDotenv(text, ".env")).toThrow(says);
  });
}
