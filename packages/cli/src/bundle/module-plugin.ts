import { readFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import type { Module } from "@openworkers/core";
import type { OnResolveArgs, Plugin, PluginBuild } from "esbuild";
import { type ActiveRule, isJavaScript, moduleTypeOf } from "./rules.ts";

const requiredModule = "openworkers-required-module";

/** The modules that stay files of their own beside the bundle: compiled WASM, text and data. */
export interface CollectedModules {
  /** By module name. */
  readonly modules: Map<string, Module>;
  /** Source path of each, by module name: what a watcher watches and a size report names. */
  readonly sources: Map<string, string>;
}

export interface ModulePluginOptions {
  readonly rules: readonly ActiveRule[];
  readonly collected: CollectedModules;
  /** Modules found on disk that belong to the worker whether imported or not, by absolute path. */
  readonly additional: ReadonlyMap<string, string>;
}

/**
 * Takes imports that a module rule matches out of the bundle: each becomes a module named after its content's
 * hash, which the runtime loads as what the rule says it is.
 */
export function modulePlugin({ rules, collected, additional }: ModulePluginOptions): Plugin {
  return {
    name: "openworkers-modules",
    setup(build) {
      build.onStart(() => {
        collected.modules.clear();
        collected.sources.clear();
      });
      build.onResolve({ filter: /.*/ }, async (args) => {
        if (args.kind === "entry-point" || isOwnCall(args.pluginData)) return undefined;
        if (args.namespace === requiredModule) return { path: args.path, external: true };
        const additionalName = additional.get(join(args.resolveDir, args.path));
        if (additionalName !== undefined) return { path: `./${additionalName}`, external: true };
        const active = rules.find(({ rule, matches }) => !isJavaScript(rule) && matches(args.path));
        if (active === undefined) return undefined;
        const source = await resolveSource(build, args);
        if (typeof source !== "string") return source;
        const name = await collect(source, moduleTypeOf[active.rule.type], collected);
        const required = args.kind === "require-call";
        return {
          path: `./${name}`,
          watchFiles: [source],
          ...(required ? { namespace: requiredModule } : { external: true }),
        };
      });
      build.onLoad({ filter: /.*/, namespace: requiredModule }, ({ path }) => ({
        contents: `import value from ${JSON.stringify(path)};\nmodule.exports = value;`,
        loader: "js",
      }));
    },
  };
}

// `build.resolve` calls the plugins again; this marks the calls that come from here.
const ownCall = { openworkersResolved: true } as const;
function isOwnCall(pluginData: unknown): boolean {
  return pluginData === ownCall;
}

async function resolveSource(build: PluginBuild, args: OnResolveArgs) {
  const path = args.path.replace(/\?.*$/, "");
  const { kind, importer, resolveDir } = args;
  const resolved = await build.resolve(path, { kind, importer, resolveDir, pluginData: ownCall });
  return resolved.errors.length > 0 ? { errors: resolved.errors } : resolved.path;
}

async function collect(source: string, type: Module["type"], collected: CollectedModules): Promise<string> {
  const content = await readFile(source);
  const hash = new Bun.CryptoHasher("sha256").update(content).digest("hex").slice(0, 16);
  const name = `${hash}-${basename(source)}`;
  collected.modules.set(name, { name, type, content });
  collected.sources.set(name, source);
  return name;
}

/** `path` as a module of a worker whose modules lie under `root`: relative, with forward slashes. */
export function moduleName(root: string, path: string): string {
  return relative(root, path).replaceAll("\\", "/");
}

/** The folder a relative import in module `name` starts from. */
export function moduleFolder(name: string): string {
  return dirname(name);
}
