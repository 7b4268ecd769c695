import { readFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { messageOf, OpenWorkersError } from "@openworkers/core";
import { z } from "zod";
import { kindOf } from "./entry.ts";

/** Where a framework's build says which manifest is for its output (wrangler's "redirected configuration"). */
const pointer = join(".wrangler", "deploy", "config.json");

const pointerSchema = z.looseObject({ configPath: z.string().min(1) });

/**
 * The manifest that the build of the project in `folder` wrote; undefined when none did.
 *
 * @throws OpenWorkersError INVALID_MANIFEST when the build says that there is one, and there is not
 */
export async function findBuiltManifest(folder: string): Promise<string | undefined> {
  const file = join(folder, pointer);
  if ((await kindOf(file)) !== "file") return undefined;
  const manifest = resolve(dirname(file), await readPointer(file));
  if ((await kindOf(manifest)) === "file") return manifest;
  throw new OpenWorkersError(
    "INVALID_MANIFEST",
    `${pointer} leads to ${relative(folder, manifest)}, which does not exist.`,
    { hint: `Build the project again, or remove ${pointer}.` },
  );
}

async function readPointer(file: string): Promise<string> {
  try {
    return pointerSchema.parse(JSON.parse(await readFile(file, "utf8"))).configPath;
  } catch (cause) {
    throw new OpenWorkersError(
      "INVALID_MANIFEST",
      `${pointer} does not say where a manifest is: ${messageOf(cause)}`,
      {
        hint: `Build the project again, or remove ${pointer}.`,
        cause,
      },
    );
  }
}
