import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import rootPackage from "../../../package.json" with { type: "json" };
import { type BuiltAssets, buildAssets, deployAssets } from "../../assets/project-assets.ts";
import type { Bundle } from "../../bundle/mod.ts";
import { newestCompatibilityDate } from "../../manifest/compatibility-date.ts";
import type { Project } from "../../manifest/project.ts";
import type { SystemWorker } from "./table.ts";

/** A system worker's code: what it is known by, and itself when that is asked for. */
export interface SystemCode {
  /** SHA-256 of all that a version of it is made of. */
  readonly builtFrom: string;
  built(): Promise<BuiltSystemWorker>;
}

export interface BuiltSystemWorker extends Pick<Bundle, "code" | "inputs"> {
  readonly assets?: BuiltAssets;
}

const cacheSchema = z.object({
  builtFrom: z.string(),
  /** What goes into the hash beside the sources. */
  settings: z.string(),
  /** Path, bytes and time of the last change of every source and static file that went in, and of their folders. */
  inputs: z.array(z.tuple([z.string(), z.number(), z.number()])),
});

/**
 * Bundles a system worker with the CLI's own bundler, or finds in `cacheDir` that nothing of it has changed since the last
 * time: the start of a platform must not wait for a bundler.
 *
 * @throws OpenWorkersError BUNDLE_FAILED, SCRIPT_TOO_LARGE, NOT_FOUND when its static files have not been built
 */
export async function systemCode(worker: SystemWorker, cacheDir: string): Promise<SystemCode> {
  const path = join(cacheDir, `${worker.name}.json`);
  const settings = settingsOf(worker);
  const cached = await readCache(path);
  if (cached !== undefined && cached.settings === settings && (await areUnchanged(cached.inputs))) {
    return { builtFrom: cached.builtFrom, built: () => build(worker) };
  }
  const built = await build(worker);
  const builtFrom = hashOf(settings, built);
  const inputs = await Promise.all([...new Set(built.inputs)].map(facts));
  await mkdir(cacheDir, { recursive: true, mode: 0o700 });
  await writeFile(path, JSON.stringify({ builtFrom, settings, inputs }), { mode: 0o600 });
  return { builtFrom, built: async () => built };
}

// Loaded when there is something to bundle: most starts have nothing.
async function build(worker: SystemWorker): Promise<BuiltSystemWorker> {
  const [{ bundleProject }, { bundler }] = await Promise.all([
    import("../../bundle/mod.ts"),
    import("../../bundle/service.ts"),
  ]);
  await using _bundler = bundler();
  const { code, inputs } = await bundleProject(projectOf(worker));
  if (worker.assets === undefined) return { code, inputs };
  const assets = await buildAssets(worker.assets);
  const files = assets.files.map(({ source }) => source);
  return { code, assets, inputs: [...inputs, ...files, ...assets.folders] };
}

function projectOf({ name, root, entry, bindings, limits, egress }: SystemWorker): Project {
  return {
    name,
    root,
    entry,
    moduleRoot: root,
    compatibilityDate: newestCompatibilityDate(),
    compatibilityFlags: ["nodejs_compat"],
    vars: new Map(),
    bindings,
    consumers: [],
    databases: [],
    limits,
    egress: { allow: egress },
    domains: [],
    build: {
      rules: [],
      bundle: true,
      findAdditionalModules: false,
      define: {},
      alias: {},
      // Less to parse before the first request.
      minify: true,
      keepNames: true,
    },
    warnings: [],
  };
}

function settingsOf({ bindings, limits, egress }: SystemWorker): string {
  return JSON.stringify([rootPackage.version, newestCompatibilityDate(), [...bindings], limits, egress]);
}

function hashOf(settings: string, { code, assets }: BuiltSystemWorker): string {
  const hash = new Bun.CryptoHasher("sha256").update(settings);
  for (const { name, type, content } of code.modules) {
    hash.update(JSON.stringify([name, type, content.byteLength])).update(content);
  }
  if (assets !== undefined) hash.update(JSON.stringify(deployAssets(assets)));
  return hash.digest("hex");
}

async function facts(path: string): Promise<[string, number, number]> {
  const { size, mtimeMs } = await stat(path);
  return [path, size, mtimeMs];
}

async function areUnchanged(inputs: readonly (readonly [string, number, number])[]): Promise<boolean> {
  const same = await Promise.all(
    inputs.map(async ([path, size, mtimeMs]) => {
      // Gone or not to be read: it is bundled anew then, which says what is wrong with it.
      const now = await stat(path).catch(() => undefined);
      return now?.size === size && now.mtimeMs === mtimeMs;
    }),
  );
  return same.every(Boolean);
}

/** What was written there; undefined when nothing was, or another release did. */
async function readCache(path: string) {
  try {
    return cacheSchema.safeParse(JSON.parse(await readFile(path, "utf8"))).data;
  } catch {
    return undefined; // bundled anew, and written anew
  }
}
