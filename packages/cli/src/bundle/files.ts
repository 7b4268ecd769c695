import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Module } from "@openworkers/core";
import { type ActiveRule, moduleTypeOf } from "./rules.ts";

export interface FoundModule {
  readonly module: Module;
  /** Absolute path. */
  readonly source: string;
}

const skippedFolders = new Set(["node_modules", ".git", ".wrangler", ".openworkers"]);

/** Every file under `root` that a rule names, with its path from `root` as the module's name; sorted. */
export async function findModules(
  root: string,
  rules: readonly ActiveRule[],
  entry: string,
): Promise<FoundModule[]> {
  const found: FoundModule[] = [];
  for (const name of await listFiles(root)) {
    const source = join(root, name);
    if (source === entry || name.endsWith(".map")) continue;
    const active = rules.find(({ matches }) => matches(name));
    if (active === undefined) continue;
    found.push({
      module: { name, type: moduleTypeOf[active.rule.type], content: await readFile(source) },
      source,
    });
  }
  return found;
}

async function listFiles(root: string, folder = ""): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const nested = await Promise.all(
    entries.map(async (entry) => {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) return skippedFolders.has(entry.name) ? [] : await listFiles(root, path);
      return entry.isFile() ? [path] : [];
    }),
  );
  return nested.flat().sort();
}
