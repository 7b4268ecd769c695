import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, normalize, resolve, sep } from "node:path";
import { OpenWorkersError } from "@openworkers/core";
import { z } from "zod";
import { bundler } from "../../bundle/mod.ts";
import type { PlatformContext } from "../../commands/context.ts";
import { deployPath } from "../../deploy/deploy.ts";
import { fields, given } from "../fields.ts";
import { type Tool, writeTool } from "../tool.ts";

const release = {
  percent: z.int().min(1).max(100).default(100).describe("Share of the requests; the rest stays as it is"),
  message: fields.message,
};

export const deployTools: readonly Tool[] = [
  writeTool("deploy", {
    title: "Deploy a folder or file",
    description:
      "Bundles a worker from this machine's disk (a .js or .ts file, or a folder with wrangler.jsonc, wrangler.toml, package.json or index.html), starts it once in a throw-away cell and puts it live. A worker that does not start is refused with its stack trace, and nothing has changed.",
    input: z.object({
      path: z.string().min(1).describe("File or folder"),
      name: z.string().optional().describe("The worker's name (default: from the manifest or the path)"),
      manifestEnv: z.string().optional().describe("Use the manifest's env.<name> section"),
      ...release,
    }),
    run: async ({ path, percent, ...options }, context) =>
      await deployed(path, { percent, ...given(options) }, context),
  }),
  writeTool("deploy_files", {
    title: "Deploy source text",
    description:
      'Deploys a worker from source given here: `files` maps paths to their text, as {"index.ts": "export default { fetch() { return new Response(\'hi\') } }"}. A wrangler.jsonc may be among them. Otherwise as `deploy`; packages cannot be imported.',
    input: z.object({
      name: z.string().min(1).describe("The worker's name"),
      files: z.record(z.string().min(1).max(255), z.string()),
      main: z
        .string()
        .optional()
        .describe("Path of the main module, when there is no manifest (default: the only file)"),
      ...release,
    }),
    run: async ({ files, main, percent, ...options }, context) => {
      await using folder = await folderWith(files);
      const hasManifest = Object.keys(files).some((file) => /^wrangler\.(jsonc?|toml)$/.test(file));
      const path = hasManifest ? folder.path : placeIn(folder.path, mainOf(files, main));
      return await deployed(path, { percent, ...given(options) }, context);
    },
  }),
];

async function deployed(path: string, options: Parameters<typeof deployPath>[1], context: PlatformContext) {
  await using _ = bundler();
  return { ...(await deployPath(resolve(path), options, context)) };
}

function mainOf(files: Readonly<Record<string, string>>, main: string | undefined): string {
  const [only, ...others] = Object.keys(files);
  if (main === undefined && only !== undefined && others.length === 0) return only;
  if (main !== undefined && Object.hasOwn(files, main)) return main;
  throw new OpenWorkersError("INVALID_INPUT", "Which of the files is the main module is not clear.", {
    hint: 'Name it in `main`, or add a wrangler.jsonc with "main".',
  });
}

async function folderWith(
  files: Readonly<Record<string, string>>,
): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "ow-mcp-"));
  await using made = new AsyncDisposableStack();
  made.defer(() => rm(path, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    const file = placeIn(path, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  const held = made.move();
  return { path, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

function placeIn(folder: string, name: string): string {
  const file = normalize(join(folder, name));
  if (file.startsWith(folder + sep)) return file;
  throw new OpenWorkersError("INVALID_INPUT", `files: "${name}" does not stay in the worker's folder.`);
}
