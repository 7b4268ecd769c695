import { readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { messageOf, OpenWorkersError } from "@openworkers/core";
import { z } from "zod";
import { manifestNames } from "./read.ts";

/** What is at `path`; undefined when nothing is. */
export async function kindOf(path: string): Promise<"file" | "folder" | undefined> {
  try {
    return (await stat(path)).isDirectory() ? "folder" : "file";
  } catch {
    return undefined;
  }
}

/** The manifest that governs `from`: the one in it or, with `climb`, in the nearest folder above that is a project. */
// A lone file belongs to the nearest project above it; the search ends at the first folder that is one.
export async function findManifest(from: string, climb: boolean): Promise<string | undefined> {
  for (let folder = from; ; folder = dirname(folder)) {
    for (const name of manifestNames) {
      if ((await kindOf(join(folder, name))) === "file") return join(folder, name);
    }
    const isProject = (await kindOf(join(folder, "package.json"))) === "file";
    if (!climb || isProject || dirname(folder) === folder) return undefined;
  }
}

const packageJsonSchema = z.looseObject({
  name: z.string().optional(),
  main: z.string().optional(),
  module: z.string().optional(),
});
export type PackageJson = z.infer<typeof packageJsonSchema>;

/** The fields of `root`'s package.json that matter here; none when there is no such file. */
export async function readPackageJson(root: string): Promise<PackageJson> {
  const file = join(root, "package.json");
  if ((await kindOf(file)) !== "file") return {};
  try {
    return packageJsonSchema.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (cause) {
    throw new OpenWorkersError("INVALID_MANIFEST", `${file}: ${messageOf(cause)}`, { cause });
  }
}

const entryFolders = [".", "src"];
/** What an entry module is usually called. */
export const entryNames = ["index", "worker", "_worker", "main"];
const entryExtensions = [".ts", ".tsx", ".mts", ".js", ".mjs", ".jsx"];

/**
 * The source of the main module.
 *
 * @throws OpenWorkersError NOT_FOUND
 */
export async function findEntry(
  root: string,
  main: string | undefined,
  packageJson: PackageJson,
): Promise<string> {
  if (main !== undefined) {
    const file = resolve(root, main);
    if ((await kindOf(file)) === "file") return file;
    throw new OpenWorkersError("NOT_FOUND", `main is ${main}, which does not exist in ${root}.`, {
      hint: "Build it first if it is built, or correct main.",
    });
  }
  const named = [packageJson.module, packageJson.main].filter((name) => name !== undefined);
  const usual = entryFolders.flatMap((folder) =>
    entryNames.flatMap((name) => entryExtensions.map((extension) => join(folder, name + extension))),
  );
  for (const candidate of [...named, ...usual]) {
    const file = resolve(root, candidate);
    if ((await kindOf(file)) === "file") return file;
  }
  throw new OpenWorkersError("NOT_FOUND", `${root} has no entry module.`, {
    hint: 'Name it as "main" in wrangler.jsonc or package.json, or call it src/index.ts.',
  });
}
