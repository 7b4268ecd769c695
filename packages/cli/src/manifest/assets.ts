import { join, resolve } from "node:path";
import { isOpenWorkersError } from "@openworkers/core";
import type { AssetsManifest } from "../assets/project-assets.ts";
import { findEntry, kindOf, type PackageJson } from "./entry.ts";
import type { ManifestSection } from "./schema.ts";

/** The main module of a project that has static files and no code. */
const staticEntry = join(import.meta.dir, "../assets/static-worker.js");

export interface EntryAndAssets {
  /** Absolute path of the main module's source. */
  readonly entry: string;
  readonly assets?: AssetsManifest;
}

/**
 * The code and the static files of a project. A manifest with `assets` and without `main` has no code, and neither has a folder
 * with an index.html in which nothing else says what it is.
 *
 * @throws OpenWorkersError NOT_FOUND when it has neither
 */
export async function findParts(
  root: string,
  {
    manifest,
    hasManifest,
    source,
  }: {
    readonly manifest: ManifestSection;
    readonly hasManifest: boolean;
    /** The code, when it was named on the command line. */
    readonly source: string | undefined;
  },
  packageJson: PackageJson,
): Promise<EntryAndAssets> {
  const { assets, main } = manifest;
  const only = source === undefined && main === undefined;
  if (assets !== undefined) {
    const binding = assets.binding ?? (only ? "ASSETS" : undefined);
    return {
      entry: only ? staticEntry : (source ?? (await findEntry(root, main, packageJson))),
      assets: {
        directory: resolve(root, assets.directory),
        ...(binding === undefined ? {} : { binding }),
        htmlHandling: assets.html_handling ?? "auto-trailing-slash",
        notFoundHandling: assets.not_found_handling ?? "none",
        runWorkerFirst: only ? false : (assets.run_worker_first ?? false),
        only,
      },
    };
  }
  if (source !== undefined) return { entry: source };
  try {
    return { entry: await findEntry(root, main, packageJson) };
  } catch (thrown) {
    const isSite = !hasManifest && (await kindOf(join(root, "index.html"))) === "file";
    if (!isSite || !isOpenWorkersError(thrown, "NOT_FOUND")) throw thrown;
    return { entry: staticEntry, assets: { directory: root, binding: "ASSETS", ...wholeFolder } };
  }
}

const wholeFolder = {
  htmlHandling: "auto-trailing-slash",
  notFoundHandling: "404-page",
  runWorkerFirst: false,
  only: true,
} as const;
