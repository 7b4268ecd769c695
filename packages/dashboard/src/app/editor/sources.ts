import type { Module } from "@openworkers/core";
import { compiledName, extensionOf, isScript, type SourceModule } from "./modules.ts";

/** A version's modules as somebody would edit them. */
export interface Sources {
  /** The main one first. */
  readonly modules: readonly SourceModule[];
  /** Whether they are what the version was compiled from, and not what the runtime has of it. */
  readonly original: boolean;
  /** Packages of npm are compiled into it, which cannot be bundled again here. */
  readonly packages: boolean;
}

interface SourceMap {
  readonly sources?: readonly unknown[];
  readonly sourcesContent?: readonly unknown[];
}

const decoder = new TextDecoder();
const editable = new Set(["ts", "js", "mjs", "json"]);

/** The modules as the runtime has them: scripts and texts as text, the rest as it is. */
export function deployedSources(modules: readonly Module[]): Sources {
  return {
    modules: modules.map(({ name, type, content }) => ({
      name,
      type,
      content: type === "wasm" || type === "data" ? content : decoder.decode(content),
    })),
    original: false,
    packages: false,
  };
}

/**
 * What a version was compiled from, by the source maps of its modules: those that this editor, or `ow deploy`, put there.
 * Undefined where the maps do not have it, or have what cannot be compiled here.
 *
 * @param maps JSON by the modules' names
 */
export function originalSources(
  modules: readonly Module[],
  maps: ReadonlyMap<string, string>,
): Sources | undefined {
  const found: SourceModule[] = [];
  let packages = false;
  let original = false;
  for (const module of modules) {
    const map = maps.get(module.name);
    if (map === undefined || !isScript(module)) {
      found.push(...deployedSources([module]).modules);
      continue;
    }
    const read = ownSources(map, module.name);
    if (read === undefined) return undefined;
    packages ||= read.packages;
    original = true;
    found.push(...read.modules);
  }
  return original ? { modules: withTheirNames(found), original, packages } : undefined;
}

function ownSources(
  json: string,
  module: string,
): { readonly modules: readonly SourceModule[]; readonly packages: boolean } | undefined {
  const { sources = [], sourcesContent = [] } = JSON.parse(json) as SourceMap;
  const own: { name: string; content: string }[] = [];
  let packages = false;
  for (const [index, name] of sources.entries()) {
    const content = sourcesContent[index];
    if (typeof name !== "string") continue;
    if (/(^|\/)node_modules\//.test(name)) packages = true;
    // Modules that a bundler makes up have names like `shim:process`.
    else if (typeof content === "string" && !name.includes(":")) {
      if (name.startsWith("..") || !editable.has(extensionOf(name))) return undefined;
      own.push({ name, content });
    }
  }
  // A bundler's entry comes after all that it imports.
  const main = own.find(({ name }) => compiledName(name) === module) ?? own.at(-1);
  if (main === undefined) return undefined;
  return { modules: [main, ...own.filter((source) => source !== main)], packages };
}

/** A bundler names files after their content: `0123456789abcdef-add.wasm` is called again as the sources import it. */
function withTheirNames(modules: readonly SourceModule[]): SourceModule[] {
  return modules.map((module) => {
    const [, base] = /^[0-9a-f]{16}-(.+)$/.exec(module.name) ?? [];
    if (base === undefined) return module;
    for (const { name, content } of modules) {
      if (typeof content !== "string") continue;
      const end = `${base.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`;
      const [, specifier] = new RegExp(`["'](\\.{1,2}/(?:[^"'\\n]*/)?${end})["']`).exec(content) ?? [];
      if (specifier !== undefined) return { ...module, name: pathOf(specifier, name) };
    }
    return module;
  });
}

function pathOf(specifier: string, from: string): string {
  const path: string[] = [];
  for (const part of [...from.split("/").slice(0, -1), ...specifier.split("/")]) {
    if (part === "..") path.pop();
    else if (part !== ".") path.push(part);
  }
  return path.join("/");
}
