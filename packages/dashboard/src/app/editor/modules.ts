import type { Module } from "@openworkers/core";

/** A module of a worker as it is written: text, or bytes that are only carried along. */
export interface SourceModule {
  /** As other modules import it: `index.ts`, `lib/text.js`, `data.json`. */
  readonly name: string;
  readonly content: string | Uint8Array;
  /** What the runtime takes it for, where the name does not say so. */
  readonly type?: Module["type"];
}

const types: Readonly<Record<string, Module["type"]>> = {
  ts: "esModule",
  js: "esModule",
  mjs: "esModule",
  cjs: "commonJsModule",
  json: "json",
  wasm: "wasm",
  bin: "data",
};

/** What a module is to the runtime; text unless its name or itself says otherwise. */
export function typeOfModule({ name, type }: Pick<SourceModule, "name" | "type">): Module["type"] {
  return type ?? types[extensionOf(name)] ?? "text";
}

/** Whether it is a script that may import others. */
export function isScript(module: Pick<SourceModule, "name" | "type">): boolean {
  return typeOfModule(module) === "esModule" && !isDeclaration(module.name);
}

export function isDeclaration(name: string): boolean {
  return name.endsWith(".d.ts");
}

export function extensionOf(name: string): string {
  return /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? "";
}

/** What a module is called when it has been compiled. */
export function compiledName(name: string): string {
  return isDeclaration(name) ? name : name.replace(/\.ts$/, ".js");
}

const namePattern = /^(?!.*(?:^|\/)\.{0,2}(?:\/|$))[\w@.$ -]+(?:\/[\w@.$ -]+)*$/;
const creatable = new Set(["ts", "js", "json", "txt"]);

/**
 * What is wrong with a name for a new module, as a sentence; undefined when nothing is.
 *
 * @param instead the name that it had until now, whose extension it may keep
 */
export function nameIssue(name: string, taken: readonly string[], instead?: string): string | undefined {
  if (name === "") return "Give it a name.";
  if (name.length > 200 || !namePattern.test(name)) return "Use letters, digits, . _ - and / for folders.";
  if (
    !creatable.has(extensionOf(name)) &&
    (instead === undefined || extensionOf(name) !== extensionOf(instead))
  )
    return "End it with .ts, .js, .json or .txt.";
  const compiled = compiledName(name);
  const other = taken.find((each) => each === name || compiledName(each) === compiled);
  if (other === undefined) return undefined;
  return other === name
    ? "There is a module of that name."
    : `It would be ${compiled} when compiled, as ${other} is.`;
}

/** The folder that a module's relative imports start from; empty at the top. */
function folderOf(name: string): string[] {
  return name.split("/").slice(0, -1);
}

/**
 * The module that `specifier` means in the module `from`, by TypeScript's rules for bundlers: with or without an extension,
 * `.js` for a `.ts`, a folder for its index.
 */
export function resolveModule(
  specifier: string,
  from: string,
  names: ReadonlySet<string>,
): string | undefined {
  if (names.has(specifier) && !/^\.\.?\//.test(specifier)) return specifier;
  if (!/^\.\.?\//.test(specifier)) return undefined;
  const parts = folderOf(from);
  for (const part of specifier.split("/")) {
    if (part === "..") {
      if (parts.length === 0) return undefined;
      parts.pop();
    } else if (part !== "." && part !== "") parts.push(part);
  }
  const path = parts.join("/");
  const candidates = [
    path,
    path.replace(/\.js$/, ".ts"),
    `${path}.ts`,
    `${path}.js`,
    `${path}/index.ts`,
    `${path}/index.js`,
  ];
  return candidates.find((candidate) => names.has(candidate));
}

/** How the module `from` imports `to`. */
export function relativeSpecifier(from: string, to: string): string {
  const [here, there] = [folderOf(from), to.split("/")];
  let common = 0;
  while (common < here.length && common < there.length - 1 && here[common] === there[common]) common++;
  const up = here.slice(common).map(() => "..");
  return [...(up.length === 0 ? ["."] : up), ...there.slice(common)].join("/");
}
