import { type UploadMetadata, uploadVersion } from "@openworkers/client";
import type { Api } from "../api/api.ts";
import type { Compiled } from "./compile.ts";
import type { SourceModule } from "./modules.ts";
import { CompileFailed } from "./problem.ts";

export type { Compiled } from "./compile.ts";
export type { SourceModule } from "./modules.ts";
export { CompileFailed, type Problem } from "./problem.ts";

/** Runtime date of workers that are made here. */
export const newCompatibilityDate = "2026-11-01";

export interface DeployOptions {
  /** `newCompatibilityDate` unless given. */
  readonly compatibilityDate?: string;
  readonly compatibilityFlags?: readonly string[];
  /** What else the API is told: `bindings`, `crons`, `message`, `account`, `base` … */
  readonly metadata?: UploadMetadata;
  /** Deploys although the types are wrong. */
  readonly despiteTypes?: boolean;
  /** Told what is done now. */
  readonly onStep?: (step: "compile" | "deploy") => void;
}

/**
 * Compiles a worker's modules (TypeScript to JavaScript, relative imports resolved) without deploying anything. Monaco is
 * loaded for it.
 *
 * @param modules the first is the main one
 */
export async function compile(modules: readonly SourceModule[]): Promise<Compiled> {
  const { compile: run } = await import("./compile.ts");
  return run(modules);
}

/**
 * Compiles a worker's modules and makes them its live version; the worker is made when there is none. The sources are kept
 * beside what is compiled, in its source maps.
 *
 * @example
 * const modules = [{ name: "index.ts", content: `export default { fetch: () => new Response("Hello") }` }];
 * const { version } = await deploy(inject(Api), "hello", modules, {
 *   metadata: { ...account.query(), bindings: { KV: { kind: "kv" } }, crons: ["0 * * * *"], message: "First version" },
 *   despiteTypes: true,
 * });
 *
 * @returns what the API made of it: the version's number, what was bound, how long its start took
 * @throws CompileFailed with what is wrong at its place; ApiError START_FAILED with the worker's stack in `details.stack`,
 * CONFLICT when `metadata.base` serves no more, and so on
 */
export async function deploy(
  client: Api,
  worker: string,
  modules: readonly SourceModule[],
  options: DeployOptions = {},
): ReturnType<typeof uploadVersion> {
  options.onStep?.("compile");
  const { errors, typeErrors, ...compiled } = await compile(modules);
  const wrong = options.despiteTypes === true ? errors : [...errors, ...typeErrors];
  if (wrong.length > 0) throw new CompileFailed(wrong);
  options.onStep?.("deploy");
  const { compatibilityDate = newCompatibilityDate, compatibilityFlags = [], metadata } = options;
  return uploadVersion(client, worker, { ...compiled, compatibilityDate, compatibilityFlags }, metadata);
}
