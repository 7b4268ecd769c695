import { parse } from "es-module-lexer/minimal/js";
import { compiledName, relativeSpecifier, resolveModule } from "./modules.ts";
import type { Problem } from "./problem.ts";
import { placeOf } from "./problem.ts";

export interface Linked {
  /** The script with its imports as the runtime resolves them. */
  readonly text: string;
  readonly problems: readonly Problem[];
}

/** What the runtime has of its own. */
const builtIn = /^(?:cloudflare|node|workerd):/;

/**
 * Has a compiled script import other modules by the names that they have when compiled: the runtime takes a path as it is.
 *
 * @param name of the source, and `source` its text, in which problems are placed
 */
export function linkImports(
  name: string,
  source: string,
  script: string,
  names: ReadonlySet<string>,
): Linked {
  const problems: Problem[] = [];
  let text = "";
  let from = 0;
  const [imports] = parse(script, name);
  for (const { n: specifier, s: start, e: end, d: dynamic } of imports) {
    if (specifier === undefined || builtIn.test(specifier)) continue;
    const found = resolveModule(specifier, name, names);
    if (found === undefined) {
      // Whoever compiled may have moved it: it is looked for in the source as it is written.
      const at = Math.max(0, source.search(new RegExp(`["'\`]${escaped(specifier)}["'\`]`)));
      problems.push({
        file: name,
        ...placeOf(source, at),
        message: why(specifier),
        severity: "error",
        source: "import",
      });
      continue;
    }
    if (!/^\.\.?\//.test(specifier) && compiledName(found) === found) continue;
    const written = JSON.stringify(relativeSpecifier(name, compiledName(found)));
    // Of a dynamic import the quotes are within, of a static one they are not.
    text += script.slice(from, start) + (dynamic >= 0 ? written : written.slice(1, -1));
    from = end;
  }
  return { text: text + script.slice(from), problems };
}

function why(specifier: string): string {
  if (/^\.{0,2}\//.test(specifier)) return `There is no module ${specifier}.`;
  return `The package ${specifier} cannot be imported here: packages of npm are bundled by \`ow deploy\`. Modules of this worker begin with ./, the runtime's with cloudflare: or node:.`;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
