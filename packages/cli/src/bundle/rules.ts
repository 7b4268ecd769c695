import type { Module } from "@openworkers/core";
import type { Rule } from "../manifest/schema.ts";

/** What a module rule makes of a file, in the runtime's words. */
export const moduleTypeOf = {
  ESModule: "esModule",
  CommonJS: "commonJsModule",
  CompiledWasm: "wasm",
  Text: "text",
  Data: "data",
} as const satisfies Record<Rule["type"], Module["type"]>;

const defaults: readonly Rule[] = [
  { type: "Text", globs: ["**/*.txt", "**/*.html", "**/*.sql"] },
  { type: "Data", globs: ["**/*.bin"] },
  { type: "CompiledWasm", globs: ["**/*.wasm", "**/*.wasm?module"] },
];

export interface ActiveRule {
  readonly rule: Rule;
  matches(path: string): boolean;
}

/**
 * The project's rules, then the default ones. As with wrangler, the first rule of a type shadows the later
 * ones of that type unless it says `fallthrough: true`.
 */
export function activeRules(own: readonly Rule[]): ActiveRule[] {
  const closed = new Set<Rule["type"]>();
  return [...own, ...defaults].flatMap((rule) => {
    if (closed.has(rule.type)) return [];
    if (rule.fallthrough !== true) closed.add(rule.type);
    const globs = rule.globs.map(compileGlob);
    return [{ rule, matches: (path: string) => globs.some((glob) => glob(path)) }];
  });
}

// In `*.wasm?module` the question mark is the import's query, not "any one character".
function compileGlob(glob: string): (path: string) => boolean {
  const compiled = new Bun.Glob(glob.replaceAll("?", "\\?"));
  return (path) => compiled.match(path.replace(/^(?:\.{1,2}\/)+|^\/+/, ""));
}

export function isJavaScript(rule: Rule): boolean {
  return rule.type === "ESModule" || rule.type === "CommonJS";
}
