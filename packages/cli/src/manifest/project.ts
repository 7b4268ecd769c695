import { basename, dirname, relative, resolve } from "node:path";
import {
  type EgressPolicy,
  type EnvValue,
  type Limits,
  OpenWorkersError,
  type WantedBinding,
  type WantedConsumer,
} from "@openworkers/core";
import type { AssetsManifest } from "../assets/project-assets.ts";
import { findParts } from "./assets.ts";
import { type ProjectDatabase, readBindings, readConsumers, readDatabases } from "./bindings.ts";
import { findBuiltManifest } from "./built-manifest.ts";
import { type CompatibilityDates, resolveCompatibilityDate } from "./compatibility-date.ts";
import { findManifest, kindOf, readPackageJson } from "./entry.ts";
import { manifestNames, readManifest } from "./read.ts";
import type { ManifestSection, Rule } from "./schema.ts";
import { chooseName } from "./worker-name.ts";

/** How a project's sources become modules; the manifest's build keys with their defaults. */
export interface BuildSettings {
  readonly rules: readonly Rule[];
  readonly bundle: boolean;
  readonly findAdditionalModules: boolean;
  readonly define: Readonly<Record<string, string>>;
  readonly alias: Readonly<Record<string, string>>;
  readonly minify: boolean;
  readonly keepNames: boolean;
  readonly tsconfig?: string;
  readonly jsxFactory?: string;
  readonly jsxFragment?: string;
}

/** A worker's sources and what its manifest says about them: all a deploy needs to know, nothing built yet. */
export interface Project {
  readonly name: string;
  /** Absolute path of the folder that imports and manifest paths are relative to. */
  readonly root: string;
  /** Absolute path of the main module's source. */
  readonly entry: string;
  /** Folder whose other modules belong to the worker when `findAdditionalModules` is set. */
  readonly moduleRoot: string;
  readonly manifestFile?: string;
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  readonly vars: ReadonlyMap<string, EnvValue>;
  /** No name of `vars` is among them. */
  readonly bindings: ReadonlyMap<string, WantedBinding>;
  /** The queues whose messages it takes. */
  readonly consumers: readonly WantedConsumer[];
  /** Those of the bindings that have migrations, or may have. */
  readonly databases: readonly ProjectDatabase[];
  readonly limits: Partial<Limits>;
  /** Where the worker may go. */
  readonly egress: EgressPolicy;
  /** Absent when the manifest says nothing about routes. */
  readonly routes?: readonly string[];
  readonly domains: readonly string[];
  /** Absent when the manifest says nothing about crons. */
  readonly crons?: readonly string[];
  /** Absent when the worker has no static files. */
  readonly assets?: AssetsManifest;
  readonly build: BuildSettings;
  readonly warnings: readonly string[];
}

export interface LoadProjectOptions {
  /** Overrides every other source of the name. */
  readonly name?: string;
  /** The manifest's `env.<environment>` section. */
  readonly environment?: string;
  /** Prefer the manifest that the project's own build wrote, as a deploy does. */
  readonly built?: boolean;
  readonly dates?: CompatibilityDates;
}

/**
 * Reads the project at `path`: a source file, a folder, or a manifest file.
 *
 * @throws OpenWorkersError NOT_FOUND (no such path, no entry), INVALID_MANIFEST, INVALID_NAME
 */
export async function loadProject(path: string, options: LoadProjectOptions = {}): Promise<Project> {
  const target = resolve(path);
  const kind = await kindOf(target);
  if (kind === undefined) {
    throw new OpenWorkersError("NOT_FOUND", `${path} does not exist.`, {
      hint: "Give a .js or .ts file, or a folder with a worker in it; `ow init DIR` makes one.",
    });
  }
  const isManifest = manifestNames.some((name) => name === basename(target));
  const source = kind === "file" && !isManifest ? target : undefined;
  const built = kind === "folder" && options.built === true ? await findBuiltManifest(target) : undefined;
  const file = isManifest
    ? target
    : (built ?? (await findManifest(source ? dirname(target) : target, source !== undefined)));
  const { manifestFile, manifest, warnings } = await manifestFor(file, source, options.environment);
  if (built !== undefined) {
    warnings.push(
      `${relative(target, built)} is used, which the project's build wrote; build again after a change.`,
    );
  }
  const root = manifestFile ? dirname(manifestFile) : source ? dirname(source) : target;
  const packageJson = await readPackageJson(root);
  const hasManifest = manifestFile !== undefined;
  const { entry, assets } = await findParts(root, { manifest, hasManifest, source }, packageJson);
  const compatibilityDate = resolveCompatibilityDate(manifest.compatibility_date, options.dates);
  if (manifestFile !== undefined && manifest.compatibility_date === undefined) {
    warnings.push(
      `compatibility_date is not set; ${compatibilityDate} is used. Write it into ${basename(manifestFile)} so that the worker's behaviour stays as it is.`,
    );
  }
  const bound = readBindings(manifest, assets?.binding);
  return {
    name: chooseName(options.name, manifest.name, source, root, packageJson),
    root,
    entry,
    moduleRoot: manifest.base_dir === undefined ? dirname(entry) : resolve(root, manifest.base_dir),
    ...(manifestFile === undefined ? {} : { manifestFile }),
    compatibilityDate,
    compatibilityFlags: manifest.compatibility_flags ?? [],
    vars: toEnvValues(manifest.vars ?? {}),
    bindings: bound.bindings,
    consumers: readConsumers(manifest),
    databases: readDatabases(manifest),
    limits: readLimits(manifest),
    egress: { allow: manifest.openworkers?.egress?.allow },
    ...readRoutes(manifest),
    ...(manifest.triggers?.crons === undefined ? {} : { crons: manifest.triggers.crons }),
    ...(assets === undefined ? {} : { assets }),
    build: readBuildSettings(manifest, root),
    warnings: [...warnings, ...bound.warnings],
  };
}

interface ProjectManifest {
  readonly manifestFile?: string;
  readonly manifest: ManifestSection;
  readonly warnings: string[];
}

async function manifestFor(
  file: string | undefined,
  source: string | undefined,
  environment: string | undefined,
): Promise<ProjectManifest> {
  const none: ProjectManifest = { manifest: {}, warnings: [] };
  if (file !== undefined) {
    const { manifest, warnings } = await readManifest(file, environment);
    const main = manifest.main === undefined ? undefined : resolve(dirname(file), manifest.main);
    // Another file of the project must not take the place of its worker because it was deployed by its path.
    if (source === undefined || main === undefined || main === source) {
      return { manifestFile: file, manifest, warnings: [...warnings] };
    }
    if (environment === undefined) {
      none.warnings.push(
        `${basename(file)} is about ${manifest.main} and is not used for ${basename(source)}.`,
      );
      return none;
    }
  }
  if (environment === undefined) return none;
  throw new OpenWorkersError("NOT_FOUND", `There is no manifest for the section env.${environment}.`, {
    hint: "Write a wrangler.jsonc beside the worker, or leave --manifest-env out.",
  });
}

function toEnvValues(vars: NonNullable<ManifestSection["vars"]>): Map<string, EnvValue> {
  return new Map(
    Object.entries(vars).map(([key, value]) => [
      key,
      typeof value === "string" ? { kind: "text", value } : { kind: "json", value: JSON.stringify(value) },
    ]),
  );
}

function readLimits(manifest: ManifestSection): Partial<Limits> {
  const cpuMs = manifest.limits?.cpu_ms;
  const own = Object.entries(manifest.openworkers?.limits ?? {}).filter(([, value]) => value !== undefined);
  return { ...(cpuMs === undefined ? {} : { cpuMs }), ...Object.fromEntries(own) };
}

function readRoutes(manifest: ManifestSection): { routes?: string[]; domains: string[] } {
  if (manifest.route === undefined && manifest.routes === undefined) return { domains: [] };
  const all = [...(manifest.route === undefined ? [] : [manifest.route]), ...(manifest.routes ?? [])];
  const routes: string[] = [];
  const domains: string[] = [];
  for (const route of all) {
    if (typeof route === "string") routes.push(route);
    else (route.custom_domain === true ? domains : routes).push(route.pattern);
  }
  return { routes, domains };
}

function readBuildSettings(manifest: ManifestSection, root: string): BuildSettings {
  const optional = {
    tsconfig: manifest.tsconfig,
    jsxFactory: manifest.jsx_factory,
    jsxFragment: manifest.jsx_fragment,
  };
  return {
    rules: manifest.rules ?? [],
    bundle: manifest.no_bundle !== true,
    findAdditionalModules: manifest.find_additional_modules ?? manifest.no_bundle === true,
    define: manifest.define ?? {},
    alias: manifest.alias ?? {},
    minify: manifest.minify ?? false,
    keepNames: manifest.keep_names ?? true,
    ...(optional.tsconfig === undefined
      ? {}
      : { tsconfig: relative(root, resolve(root, optional.tsconfig)) }),
    ...(optional.jsxFactory === undefined ? {} : { jsxFactory: optional.jsxFactory }),
    ...(optional.jsxFragment === undefined ? {} : { jsxFragment: optional.jsxFragment }),
  };
}
