import { mkdir, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { OpenWorkersError, parseWorkerName } from "@openworkers/core";
import { newestCompatibilityDate } from "../manifest/compatibility-date.ts";
import { loadProject } from "../manifest/project.ts";
import { toWorkerName } from "../manifest/worker-name.ts";
import { declarations, typesFile } from "../types/declarations.ts";
import { templates } from "./templates.ts";

/**
 * Writes a new worker's files into `folder`.
 *
 * @throws OpenWorkersError CONFLICT when one of them is there already: then none is written. INVALID_NAME
 */
export async function scaffold(folder: string, name?: string): Promise<{ name: string; files: string[] }> {
  const root = resolve(folder);
  const worker = parseWorkerName(name ?? toWorkerName(basename(root)));
  const files = Object.entries(templates(worker, newestCompatibilityDate()));
  for (const path of [...files.map(([file]) => file), typesFile]) {
    const exists = await stat(join(root, path)).then(
      () => true,
      () => false,
    );
    if (exists) {
      throw new OpenWorkersError("CONFLICT", `${join(folder, path)} exists already; nothing is written.`, {
        hint: "Choose an empty folder: ow init DIR",
      });
    }
  }
  for (const [path, text] of files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    // `wx`: whoever made the file since the look above keeps it.
    await writeFile(join(root, path), text, { flag: "wx" });
  }
  const project = await loadProject(root);
  const file = join(root, typesFile);
  const types = declarations({ project, file, values: [], bindings: new Map(), others: [] });
  await writeFile(file, types, { flag: "wx" });
  return { name: worker, files: [...files.map(([path]) => path), typesFile] };
}
