import { join } from "node:path";
import { type AssetSettings, parseHeaders, parseRedirects } from "@openworkers/core";
import type { DeployAssets } from "@openworkers/db";
import { collectFiles, readOptional, type SourceFile } from "./files.ts";

/** What the manifest says about static files. */
export interface AssetsManifest
  extends Pick<AssetSettings, "htmlHandling" | "notFoundHandling" | "runWorkerFirst" | "only"> {
  /** Absolute path. */
  readonly directory: string;
  readonly binding?: string;
}

/** Static files ready to be sent. */
export interface BuiltAssets {
  readonly settings: AssetSettings;
  readonly files: readonly SourceFile[];
  readonly warnings: readonly string[];
  /** Absolute paths of the folders that they are in. */
  readonly folders: readonly string[];
}

/** Reads the files and rules of a project. @throws as `collectFiles` */
export async function buildAssets({
  directory,
  binding: _,
  ...settings
}: AssetsManifest): Promise<BuiltAssets> {
  const { files, folders } = await collectFiles(directory);
  const headers = parseHeaders((await readOptional(join(directory, "_headers"))) ?? "");
  const redirects = parseRedirects(
    (await readOptional(join(directory, "_redirects"))) ?? "",
    settings.htmlHandling,
  );
  return {
    settings: { ...settings, headers: [...headers.rules], redirects: [...redirects.rules] },
    files,
    folders,
    warnings: [...headers.warnings, ...redirects.warnings],
  };
}

/** What the platform is told of them: not where they lie on this machine. */
export function deployAssets({ settings, files }: BuiltAssets): DeployAssets {
  return {
    settings,
    files: files.map(({ path, hash, size, contentType }) => ({ path, hash, size, contentType })),
  };
}
