import { basename, extname } from "node:path";
import { parseWorkerName } from "@openworkers/core";
import { entryNames, type PackageJson } from "./entry.ts";

/**
 * The worker's name: the stated one as it is, else one made of the file's, package's or folder's name.
 *
 * @throws OpenWorkersError INVALID_NAME
 */
export function chooseName(
  given: string | undefined,
  fromManifest: string | undefined,
  source: string | undefined,
  root: string,
  packageJson: PackageJson,
): string {
  const stated = given ?? fromManifest;
  if (stated !== undefined) return parseWorkerName(stated);
  const stem = source === undefined ? undefined : basename(source, extname(source));
  const own = stem !== undefined && !entryNames.includes(stem) ? stem : undefined;
  const name = own ?? packageJson.name?.replace(/^@[^/]+\//, "") ?? basename(root);
  return parseWorkerName(toWorkerName(name));
}

/** The nearest name that is allowed: a derived name may be bent, a stated one never is. */
export function toWorkerName(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 50)
    .replace(/^-+|-+$/g, "");
}
