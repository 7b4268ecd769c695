import { setImmediate } from "node:timers/promises";
import { type BuiltAssets, buildAssets } from "../assets/project-assets.ts";
import { type Bundle, bundleProject } from "../bundle/mod.ts";
import { readDotenv } from "../dotenv.ts";
import { loadProject, type Project } from "../manifest/project.ts";

export interface BuildOptions {
  readonly name?: string;
  /** Dotenv files. */
  readonly env?: string;
  readonly secrets?: string;
  /** The manifest's `env.<manifestEnv>` section. */
  readonly manifestEnv?: string;
  /** `process.env.NODE_ENV` in the bundle. */
  readonly mode?: "production" | "development";
}

/** All that a deploy sends to the platform. */
export interface BuiltWorker {
  readonly project: Project;
  readonly bundle: Bundle;
  /** Absent when the worker has no static files. */
  readonly assets?: BuiltAssets;
  /** Values for the worker's environment, from the given files. */
  readonly vars: ReadonlyMap<string, string>;
  readonly secrets: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
}

/**
 * Reads and bundles the worker at `path`.
 *
 * @throws OpenWorkersError as `loadProject`, `bundleProject` and `readDotenv` do; `signal.reason` once it has aborted
 */
export async function buildWorker(
  path: string,
  options: BuildOptions,
  signal: AbortSignal,
): Promise<BuiltWorker> {
  try {
    return await build(path, options);
  } catch (thrown) {
    // Ctrl-C in a terminal ends esbuild's process, too, and we may hear of that before the signal is delivered.
    await setImmediate();
    signal.throwIfAborted();
    throw thrown;
  }
}

async function build(path: string, options: BuildOptions): Promise<BuiltWorker> {
  const vars = options.env === undefined ? new Map<string, string>() : await readDotenv(options.env);
  const secrets =
    options.secrets === undefined ? new Map<string, string>() : await readDotenv(options.secrets);
  const project = await loadProject(path, {
    built: true,
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.manifestEnv === undefined ? {} : { environment: options.manifestEnv }),
  });
  const bundle = await bundleProject(project, options.mode === undefined ? {} : { mode: options.mode });
  const assets = project.assets === undefined ? undefined : await buildAssets(project.assets);
  const warnings = [...project.warnings, ...bundle.warnings, ...(assets?.warnings ?? [])];
  return { project, bundle, ...(assets === undefined ? {} : { assets }), vars, secrets, warnings };
}

/** Equal for two builds that would make the same version with the same values. */
export function fingerprint({ project, bundle, assets, vars, secrets }: BuiltWorker): string {
  const hash = new Bun.CryptoHasher("sha256");
  for (const { name, type, content } of bundle.code.modules) {
    hash.update(JSON.stringify([name, type, content.byteLength]));
    hash.update(content);
  }
  const { name, limits, routes, domains, bindings } = project;
  const { compatibilityDate, compatibilityFlags } = bundle.code;
  hash.update(
    JSON.stringify([name, compatibilityDate, compatibilityFlags, [...project.vars], limits, routes, domains]),
  );
  hash.update(JSON.stringify([[...vars], [...secrets], [...bindings]]));
  const files = assets?.files.map(({ path, hash, contentType }) => [path, hash, contentType]);
  hash.update(JSON.stringify([assets?.settings, files]));
  return hash.digest("hex");
}
