import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { type Module, OpenWorkersError, type WorkerCode } from "@openworkers/core";
import { type BuildResult, build, type Metafile } from "esbuild";
import type { Project } from "../manifest/project.ts";
import { aliasPlugin } from "./alias-plugin.ts";
import { bundleOptions, mainModule, shownPath } from "./esbuild-options.ts";
import { bundleFailure, formatMessage, isBuildFailure } from "./failure.ts";
import { type FoundModule, findModules } from "./files.ts";
import { type WorkerFormat, workerFormat } from "./format.ts";
import { type CollectedModules, moduleName, modulePlugin } from "./module-plugin.ts";
import { flagsForNodeModules } from "./node-modules.ts";
import { runtimeModulesPlugin } from "./node-plugin.ts";
import { activeRules } from "./rules.ts";
import { checkSize, type SizedInput } from "./size.ts";
import { unboundReact } from "./unbound-react.ts";

/** A project as modules that the runtime can load. */
export interface Bundle {
  readonly code: WorkerCode;
  /** Sum of the modules. */
  readonly bytes: number;
  readonly format: WorkerFormat;
  readonly warnings: readonly string[];
  /** Absolute paths of every source that went in: what `ow dev` watches. */
  readonly inputs: readonly string[];
}

export interface BundleOptions {
  /** What `process.env.NODE_ENV` is in the bundle. Default `production`. */
  readonly mode?: "production" | "development";
}

/**
 * Bundles a project the way wrangler does.
 *
 * @throws OpenWorkersError BUNDLE_FAILED (each error with file, line, column and source line), SCRIPT_TOO_LARGE
 */
export async function bundleProject(project: Project, options: BundleOptions = {}): Promise<Bundle> {
  const rules = activeRules(project.build.rules);
  const additional = project.build.findAdditionalModules
    ? await findModules(project.moduleRoot, withJavaScript(rules, project.build.bundle), project.entry)
    : [];
  return project.build.bundle
    ? await bundled(project, rules, additional, options.mode ?? "production")
    : await unbundled(project, additional);
}

// Without a bundler every script of the folder is a module, unless the manifest's own rules say otherwise.
function withJavaScript(
  rules: ReturnType<typeof activeRules>,
  bundling: boolean,
): ReturnType<typeof activeRules> {
  if (bundling || rules.some(({ rule }) => rule.type === "ESModule")) return rules;
  return [...rules, ...activeRules([{ type: "ESModule", globs: ["**/*.js", "**/*.mjs"] }]).slice(0, 1)];
}

async function bundled(
  project: Project,
  rules: ReturnType<typeof activeRules>,
  additional: readonly FoundModule[],
  mode: "production" | "development",
): Promise<Bundle> {
  const collected: CollectedModules = { modules: new Map(), sources: new Map() };
  const nodeModules = new Set<string>();
  const { compatibilityDate: date, compatibilityFlags: flags } = project;
  const buildOptions = {
    ...bundleOptions(project, mode),
    plugins: [
      aliasPlugin(project.build.alias, project.root),
      modulePlugin({
        rules,
        collected,
        additional: new Map(additional.map(({ module, source }) => [source, module.name])),
      }),
      runtimeModulesPlugin({ date, flags }, nodeModules),
    ],
  };
  let result: BuildResult<typeof buildOptions>;
  try {
    result = await build(buildOptions);
  } catch (thrown) {
    if (isBuildFailure(thrown)) throw await bundleFailure(thrown.errors, project.root);
    throw thrown;
  }
  const main = result.outputFiles.find(({ path }) => path === resolve(project.root, mainModule));
  const map = result.outputFiles.find(({ path }) => path.endsWith(`${mainModule}.map`));
  const output = result.metafile.outputs[mainModule];
  if (main === undefined || output === undefined) {
    throw new OpenWorkersError(
      "BUNDLE_FAILED",
      `Bundling ${shownPath(project, project.entry)} gave no script.`,
    );
  }
  const modules: Module[] = [
    { name: mainModule, type: "esModule", content: main.contents },
    ...collected.modules.values(),
    ...additional.map(({ module }) => module),
  ];
  const sources = [...collected.sources].map(([name, source]) => ({
    module: collected.modules.get(name),
    source,
  }));
  const bytes = checkSize(modules, [
    ...Object.entries(output.inputs).map(([path, { bytesInOutput }]) => ({ path, bytes: bytesInOutput })),
    ...sized(project, [...sources, ...additional]),
  ]);
  return {
    code: {
      modules,
      compatibilityDate: date,
      compatibilityFlags: [...flags, ...flagsForNodeModules(nodeModules, date, flags)],
      sourceMaps: new Map(map === undefined ? [] : [[mainModule, ownSources(map.contents)]]),
    },
    bytes,
    format: workerFormat(output.exports, main.text),
    warnings: [...result.warnings.map(formatMessage), ...unboundReact(main.text, Object.keys(output.inputs))],
    inputs: [
      ...Object.keys(result.metafile.inputs).flatMap((path) => sourcePath(project, path, result.metafile)),
      ...sources.map(({ source }) => source),
      ...additional.map(({ source }) => source),
    ],
  };
}

/** Texts of packages are left out of a source map: anybody has them, and they are most of it. */
function ownSources(map: Uint8Array): Uint8Array {
  const { sources, sourcesContent, ...rest } = JSON.parse(new TextDecoder().decode(map)) as {
    readonly sources: readonly string[];
    readonly sourcesContent: readonly (string | null)[];
  };
  const own = sourcesContent.map((text, index) =>
    /(^|\/)node_modules\//.test(sources[index] ?? "") ? null : text,
  );
  return new TextEncoder().encode(JSON.stringify({ ...rest, sources, sourcesContent: own }));
}

function sized(
  project: Project,
  modules: readonly { module: Module | undefined; source: string }[],
): SizedInput[] {
  return modules.map(({ module, source }) => ({
    path: shownPath(project, source),
    bytes: module?.content.byteLength ?? 0,
  }));
}

// Inputs of our own plugins' namespaces (`openworkers-…:name`) are no files.
function sourcePath(project: Project, path: string, _metafile: Metafile): string[] {
  const file = resolve(project.root, path);
  return existsSync(file) ? [file] : [];
}

/** `no_bundle`: the files as they are, the entry first. */
async function unbundled(project: Project, additional: readonly FoundModule[]): Promise<Bundle> {
  const content = await readFile(project.entry);
  const name = moduleName(project.moduleRoot, project.entry);
  if (!/\.m?js$/.test(name)) {
    throw new OpenWorkersError("BUNDLE_FAILED", `no_bundle is set, but ${name} is not JavaScript.`, {
      hint: "Name the built .js file as main, or remove no_bundle.",
    });
  }
  const modules: Module[] = [{ name, type: "esModule", content }, ...additional.map(({ module }) => module)];
  const files = [{ module: modules[0], source: project.entry }, ...additional];
  const text = new TextDecoder().decode(content);
  const exports = new Bun.Transpiler({ loader: "js" }).scan(text).exports;
  return {
    code: {
      modules,
      compatibilityDate: project.compatibilityDate,
      compatibilityFlags: project.compatibilityFlags,
      sourceMaps: await sourceMapsBeside(files),
    },
    bytes: checkSize(modules, sized(project, files)),
    format: workerFormat(exports, text),
    warnings: [],
    inputs: files.map(({ source }) => source),
  };
}

async function sourceMapsBeside(
  files: readonly { module: Module | undefined; source: string }[],
): Promise<Map<string, Uint8Array>> {
  const maps = new Map<string, Uint8Array>();
  for (const { module, source } of files) {
    const map = `${source}.map`;
    if (module !== undefined && existsSync(map)) maps.set(module.name, await readFile(map));
  }
  return maps;
}
