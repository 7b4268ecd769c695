import {
  type HeaderRule,
  headerRuleSchema,
  isReservedField,
  maxHeaderRules,
  maxRuleLine,
} from "../assets.ts";
import { type ParsedRules, patternFault } from "./pattern-fault.ts";

const isPath = /^(\/|[a-z]+:\/\/)/;

/**
 * Parses a `_headers` file: a path, and below it lines of `Name: value`, or `! Name` for what is to be left out. A line that
 * means nothing is left out with a warning.
 */
export function parseHeaders(text: string): ParsedRules<HeaderRule> {
  const rules: { from: string; set: [string, string][]; unset: string[]; line: number }[] = [];
  const warnings: string[] = [];
  let rule: (typeof rules)[number] | undefined;
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    const warn = (what: string) => warnings.push(`_headers:${index + 1}: ${what}.`);
    if (line === "" || line.startsWith("#")) continue;
    if (line.length > maxRuleLine) {
      warn(`the line is longer than ${maxRuleLine} characters, and is left out`);
    } else if (isPath.test(line)) {
      const fault = patternFault(line);
      rule = fault === undefined ? { from: line, set: [], unset: [], line: index + 1 } : undefined;
      if (rule !== undefined) rules.push(rule);
      else warn(`"${line}" cannot be matched: ${fault}`);
    } else if (rule === undefined) warn(`"${line}" stands below no path, and is left out`);
    else readField(line, rule, warn);
  }
  const full = rules.filter(({ set, unset, line }) => {
    if (set.length > 0 || unset.length > 0) return true;
    warnings.push(`_headers:${line}: there is no header below this path.`);
    return false;
  });
  if (full.length > maxHeaderRules) {
    warnings.push(`_headers has ${full.length} rules; the first ${maxHeaderRules} are used.`);
  }
  return {
    rules: full.slice(0, maxHeaderRules).map(({ from, set, unset }) => ({ from, set, unset })),
    warnings,
  };
}

function readField(
  line: string,
  rule: { set: [string, string][]; unset: string[] },
  warn: (what: string) => void,
): void {
  const removed = /^!\s*(\S+)$/.exec(line)?.[1]?.toLowerCase();
  const colon = line.indexOf(":");
  const name = removed ?? line.slice(0, Math.max(colon, 0)).trim().toLowerCase();
  const value = line.slice(colon + 1).trim();
  if (removed === undefined && (colon <= 0 || value === "")) warn(`"${line}" is not "Name: value"`);
  else if (isReservedField(name)) warn(`${name} is the platform's to set, and is left out`);
  else {
    const unset = removed === undefined ? [] : [name];
    const set: [string, string][] = removed === undefined ? [[name, value]] : [];
    const fault = headerRuleSchema.safeParse({ from: "/", set, unset }).error?.issues[0]?.message;
    if (fault !== undefined) warn(`${JSON.stringify(line)} ${fault}`);
    else {
      rule.set.push(...set);
      rule.unset.push(...unset);
    }
  }
}
