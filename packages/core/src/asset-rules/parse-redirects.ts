import {
  type AssetSettings,
  maxDynamicRedirects,
  maxRuleLine,
  maxStaticRedirects,
  type RedirectRule,
  redirectRuleSchema,
} from "../assets.ts";
import { PathPattern } from "../path-pattern.ts";
import { type ParsedRules, patternFault } from "./pattern-fault.ts";

/**
 * Parses a `_redirects` file: lines of `from to [status]`. A line that means nothing, or redirects for ever, is left out with a
 * warning.
 */
export function parseRedirects(
  text: string,
  htmlHandling: AssetSettings["htmlHandling"],
): ParsedRules<RedirectRule> {
  const rules: RedirectRule[] = [];
  const warnings: string[] = [];
  const seen = new Set<string>();
  let [plain, dynamic] = [0, 0];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const rule = parseLine(line, htmlHandling);
    if (typeof rule === "string") {
      warnings.push(`_redirects:${index + 1}: ${rule}.`);
      continue;
    }
    if (seen.has(rule.from)) {
      warnings.push(
        `_redirects:${index + 1}: there is a rule for ${rule.from} already; this one is left out.`,
      );
      continue;
    }
    // As Cloudflare counts: once one rule has a wildcard, those below it are tried in order like it.
    if (dynamic > 0 || isDynamic(rule.from)) dynamic++;
    else plain++;
    if (dynamic > maxDynamicRedirects || plain > maxStaticRedirects) {
      const [limit, kind] =
        dynamic > 0 ? [maxDynamicRedirects, "with or below a wildcard"] : [maxStaticRedirects, "without one"];
      warnings.push(`_redirects:${index + 1}: there may be ${limit} rules ${kind}; the rest is left out.`);
      break;
    }
    seen.add(rule.from);
    rules.push(rule);
  }
  return { rules, warnings };
}

function isDynamic(from: string): boolean {
  const pattern = PathPattern.parse(from, "/");
  return typeof pattern === "string" || !pattern.isLiteral;
}

/** The rule, or what is wrong with it. */
function parseLine(line: string, htmlHandling: AssetSettings["htmlHandling"]): RedirectRule | string {
  if (line.length > maxRuleLine) return `the line is longer than ${maxRuleLine} characters, and is left out`;
  const tokens = line.split(/\s+/);
  const comment = tokens.findIndex((token, index) => index >= 2 && token.startsWith("#"));
  const [source = "", to = "", status = "302", ...more] = comment < 0 ? tokens : tokens.slice(0, comment);
  if (to === "" || more.length > 0) return `"${line}" is not "from to [status]"`;
  if (/^[a-z]+:\/\//.test(source))
    return `${source} is not a path: redirects are of this worker's own addresses`;
  const from = source.startsWith("/") ? source : `/${source}`;
  const fault = patternFault(from);
  if (fault !== undefined) return `"${from}" cannot be matched: ${fault}`;
  const absolute = /^https?:\/\//.test(to);
  if (!absolute && !/^\/(?!\/)/.test(to)) return `"${to}" is neither a path nor an address with https://`;
  if (!URL.canParse(to.replaceAll(":splat", "x"), "http://host")) return `"${to}" is no address`;
  if (status === "200" && absolute)
    return `${to} is not a path: status 200 serves another file of this worker`;
  const parsed = redirectRuleSchema.safeParse({ from, to, status: Number(status) });
  if (!parsed.success) return `"${line}": the status may be 200, 301, 302, 303, 307 or 308`;
  if (!absolute && isLoop(from, to, htmlHandling))
    return `"${line}" would redirect for ever, and is left out`;
  return parsed.data;
}

/** Files called `index.html` are served at their folder's address, to which such a rule would lead back. */
function isLoop(from: string, to: string, htmlHandling: AssetSettings["htmlHandling"]): boolean {
  if (!/\/index(\.html)?$/.test(to)) return from === to;
  return from.endsWith("/*") || (htmlHandling !== "none" && from.endsWith("/"));
}
