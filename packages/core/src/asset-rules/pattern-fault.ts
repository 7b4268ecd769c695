import { PathPattern } from "../path-pattern.ts";

export interface ParsedRules<Rule> {
  readonly rules: readonly Rule[];
  readonly warnings: readonly string[];
}

/** What is wrong with a path, or `https://host/path`, as a pattern; undefined when nothing is. */
export function patternFault(from: string): string | undefined {
  const [, scheme, host, path = "/"] = /^([a-z]+):\/\/([^/]+)(\/.*)?$/.exec(from) ?? [
    undefined,
    undefined,
    undefined,
    from,
  ];
  if (scheme !== undefined && scheme !== "https") return "an address begins with https://";
  if (!/^[!-~]+$/.test(from) || /[?#]/.test(from))
    return "a pattern is of ASCII characters, without a query or spaces";
  if (host !== undefined && /:\d+$/.test(host)) return "ports cannot be told apart";
  const parsed = [
    PathPattern.parse(path, "/"),
    ...(host === undefined ? [] : [PathPattern.parse(host, ".")]),
  ];
  return parsed.find((pattern) => typeof pattern === "string");
}
