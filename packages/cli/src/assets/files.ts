import { createReadStream } from "node:fs";
import { lstat, readdir, readFile, realpath, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import {
  type AssetFile,
  assetFileSchema,
  maxAssetBytes,
  maxAssets,
  OpenWorkersError,
} from "@openworkers/core";
import ignore, { type Ignore } from "ignore";
import mime from "mime";

/** A static file where it lies. */
export interface SourceFile extends AssetFile {
  /** Absolute path. */
  readonly source: string;
}

export interface CollectedFiles {
  /** By path. */
  readonly files: readonly SourceFile[];
  /** Absolute paths of every folder that was looked into: what `ow dev` watches. */
  readonly folders: readonly string[];
}

/**
 * Never files to serve unless `.assetsignore` says so (`!.env`): they steer the deploy, or hold what must not be public.
 */
const ignoredByDefault = [
  "/.assetsignore",
  "/_headers",
  "/_redirects",
  ".git",
  ".env",
  ".env.*",
  ".dev.vars",
  ".dev.vars.*",
  ".wrangler",
  ".openworkers",
  ".DS_Store",
  "node_modules",
  "/wrangler.json",
  "/wrangler.jsonc",
  "/wrangler.toml",
];

/** Files hashed at a time. */
const concurrency = 16;

/**
 * Every file under `directory` that is to be served, with its hash and content type.
 *
 * @throws OpenWorkersError NOT_FOUND, INVALID_INPUT (a link that leads out of the directory, a file that is too large, too many
 * files, server code among them)
 */
export async function collectFiles(directory: string): Promise<CollectedFiles> {
  const root = await realpath(directory).catch(() => undefined);
  if (root === undefined || !(await stat(root)).isDirectory()) {
    throw new OpenWorkersError("NOT_FOUND", `assets.directory is ${directory}, which is no folder.`, {
      hint: "Build it first if it is built, or correct assets.directory.",
    });
  }
  const found: { path: string; source: string; size: number }[] = [];
  const folders: string[] = [];
  const ignored = await ignoreRules(root);
  await walk(root, "");
  if (found.length > maxAssets) {
    throw new OpenWorkersError(
      "INVALID_INPUT",
      `There are ${found.length} files in ${directory}; a version may have ${maxAssets}.`,
      { hint: "Leave out what is not served, with an .assetsignore file." },
    );
  }
  const files: SourceFile[] = [];
  for (let from = 0; from < found.length; from += concurrency) {
    files.push(...(await Promise.all(found.slice(from, from + concurrency).map(toFile))));
  }
  return { files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)), folders };

  /** @param from links on the way here, which must not come back */
  async function walk(folder: string, path: string, from: readonly string[] = []): Promise<void> {
    folders.push(folder);
    const here = [...from, await realpath(folder)];
    for (const name of await readdir(folder)) {
      const source = join(folder, name);
      const child = path === "" ? name : `${path}/${name}`;
      const linked = (await lstat(source)).isSymbolicLink();
      // A link that is ignored may lead anywhere.
      if (linked && (ignored.ignores(child) || ignored.ignores(`${child}/`))) continue;
      const target = linked ? await linkTarget(root ?? "", source, child) : source;
      const facts = await stat(target);
      // Rules for folders end in a slash.
      if (ignored.ignores(facts.isDirectory() ? `${child}/` : child)) continue;
      if (facts.isDirectory()) {
        if (!here.includes(target)) await walk(target, child, here);
      } else if (facts.isFile()) {
        refuseServerCode(child);
        found.push({ path: `/${child}`, source: target, size: facts.size });
      }
    }
  }
}

async function ignoreRules(root: string): Promise<Ignore> {
  const rules = await readOptional(join(root, ".assetsignore"));
  return ignore()
    .add(ignoredByDefault)
    .add(rules ?? "");
}

/** A file's text; undefined when it is not there. */
export async function readOptional(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return undefined;
    throw thrown;
  }
}

async function linkTarget(root: string, source: string, path: string): Promise<string> {
  const target = await realpath(source).catch(() => undefined);
  const within = target === undefined ? ".." : relative(root, target);
  if (target === undefined || within === ".." || within.startsWith(`..${sep}`)) {
    throw new OpenWorkersError(
      "INVALID_INPUT",
      `${path} is a link ${target === undefined ? "to nothing" : "that leads out of the assets' folder"}.`,
      { hint: "Copy what it leads to, or name it in .assetsignore." },
    );
  }
  return target;
}

function refuseServerCode(path: string): void {
  if (path !== "_worker.js" && !path.startsWith("_worker.js/")) return;
  throw new OpenWorkersError(
    "INVALID_INPUT",
    `${path} is the code of a worker, and would be served to everybody.`,
    {
      hint: "Name it as main in the manifest, and in .assetsignore if it stays in the assets' folder.",
    },
  );
}

async function toFile({
  path,
  source,
  size,
}: {
  path: string;
  source: string;
  size: number;
}): Promise<SourceFile> {
  if (size > maxAssetBytes) {
    throw new OpenWorkersError(
      "INVALID_INPUT",
      `${path} has ${size} bytes; a static file may have ${maxAssetBytes}.`,
      { hint: "Keep large files in a bucket, and name this one in .assetsignore." },
    );
  }
  const hash = new Bun.CryptoHasher("sha256");
  let read = 0;
  for await (const chunk of createReadStream(source)) {
    hash.update(chunk);
    read += chunk.length;
  }
  const file = { path, source, size: read, hash: hash.digest("hex"), contentType: contentTypeOf(path) };
  if (!assetFileSchema.safeParse(file).success) {
    throw new OpenWorkersError("INVALID_INPUT", `${JSON.stringify(path)} is not a name that can be served.`);
  }
  return file;
}

function contentTypeOf(path: string): string {
  const type = mime.getType(path) ?? "application/octet-stream";
  return type.startsWith("text/") ? `${type}; charset=utf-8` : type;
}
