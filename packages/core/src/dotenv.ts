import { OpenWorkersError } from "./errors.ts";

const assignment = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)[^\S\n]*=[^\S\n]*/;

/**
 * Reads a dotenv file: `KEY=value` lines, `#` comments, `export`, single quotes (literal), double quotes and
 * backquotes (may span lines; `\n`, `\t`, `\"`, `\\` in double quotes). Nothing is expanded.
 *
 * @throws OpenWorkersError INVALID_INPUT with the line of what is none of these
 */
export function parseDotenv(text: string, file = "the file"): Map<string, string> {
  const values = new Map<string, string>();
  let rest = text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
  const fail = (why: string) => {
    const line = text.split("\n").length - rest.split("\n").length + 1;
    return new OpenWorkersError("INVALID_INPUT", `${file}:${line}: ${why}.`);
  };
  while (rest !== "") {
    const blank = /^[^\S\n]*(?:#[^\n]*)?(?:\n|$)/.exec(rest);
    if (blank) {
      rest = rest.slice(blank[0].length);
      continue;
    }
    const key = assignment.exec(rest);
    if (key?.[1] === undefined) throw fail("expected KEY=value");
    const [value, length] = readValue(rest.slice(key[0].length), fail);
    values.set(key[1], value);
    rest = rest.slice(key[0].length + length);
  }
  return values;
}

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", '"': '"', "\\": "\\", $: "$" };

function readValue(text: string, fail: (why: string) => Error): [value: string, length: number] {
  const quote = text[0];
  if (quote === '"' || quote === "'" || quote === "`") {
    const body = quote === '"' ? /^"((?:[^"\\]|\\[\s\S])*)"/ : quote === "'" ? /^'([^']*)'/ : /^`([^`]*)`/;
    const match = body.exec(text);
    if (match?.[1] === undefined) throw fail(`the ${quote} is never closed`);
    const after = /^[^\S\n]*(?:#[^\n]*)?(?:\n|$)/.exec(text.slice(match[0].length));
    if (!after) throw fail("there is text after the closing quote");
    const inner = match[1];
    const value =
      quote === '"' ? inner.replace(/\\([\s\S])/g, (all, letter) => escapes[letter] ?? all) : inner;
    return [value, match[0].length + after[0].length];
  }
  const line = /^[^\n]*\n?/.exec(text)?.[0] ?? "";
  return [line.replace(/\s+#.*$/s, "").trim(), line.length];
}
