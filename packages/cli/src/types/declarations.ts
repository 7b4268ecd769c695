import { dirname, relative } from "node:path";
import {
  type Bound,
  envDeclarations,
  fileDeclaration,
  fileTypes,
  hasDatabase,
  processEnvDeclarations,
  typeOfBinding,
  typeOfVar,
} from "@openworkers/core/env-types";
import { activeRules, type moduleTypeOf } from "../bundle/rules.ts";
import type { Project } from "../manifest/project.ts";
import { databaseTypes } from "./database-types.ts";

/** How the file begins that `ow types` may write over. */
export const signature = "// Written by `ow types`";

/** Where they are written unless told otherwise; wrangler's name for it. */
export const typesFile = "worker-configuration.d.ts";

export interface TypesInput {
  readonly project: Project;
  /** Absolute path of the file that the declarations are for. */
  readonly file: string;
  /** Names of values that no manifest has: of dotenv files, of the worker's environment. */
  readonly values: readonly string[];
  /** What the worker's environment binds. */
  readonly bindings: ReadonlyMap<string, Bound>;
  /** Projects of workers that this one may call. */
  readonly others: readonly Project[];
}

/**
 * The text of a declaration file with the type of a worker's `env`, as `Env` and as `Cloudflare.Env` (which
 * `import { env } from "cloudflare:workers"` has), and of the modules that the bundler's rules make of other files.
 */
export function declarations(input: TypesInput): string {
  const fields = envFields(input);
  const { project } = input;
  return [
    `${signature}. What is written here by hand is lost with the next run.`,
    '/// <reference types="@cloudflare/workers-types" />',
    // Where there is no code, there is no module to speak of.
    ...envDeclarations(
      fields,
      project.assets?.only === true ? undefined : importOf(input.file, project.entry),
    ),
    ...(hasDatabase(fields) ? databaseTypes() : []),
    ...processEnvDeclarations(project.compatibilityFlags, fields),
    ...moduleDeclarations(project),
    "",
  ].join("\n");
}

function envFields(input: TypesInput): Map<string, string> {
  const { project, values, bindings } = input;
  const fields = new Map([...project.vars].map(([name, value]) => [name, typeOfVar(value)]));
  for (const name of values) fields.set(name, "string");
  for (const [name, wanted] of project.bindings) {
    fields.set(name, typeOfBound(input, wanted));
  }
  const assets = project.assets?.binding;
  if (assets !== undefined) fields.set(assets, typeOfBinding({ kind: "assets" }));
  for (const [name, bound] of bindings) fields.set(name, typeOfBound(input, bound));
  return new Map([...fields].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function typeOfBound({ project, others, file }: TypesInput, bound: Bound): string {
  return typeOfBinding(bound, (worker) => {
    const target = [project, ...others].find(({ name }) => name === worker);
    return target === undefined ? undefined : importOf(file, target.entry);
  });
}

function importOf(file: string, entry: string): string {
  const path = relative(dirname(file), entry).replace(/\.[cm]?[jt]sx?$/, "");
  return `typeof import(${JSON.stringify(path.startsWith(".") ? path : `./${path}`)})`;
}

const moduleTypes: Partial<Record<keyof typeof moduleTypeOf, string>> = {
  Text: fileTypes.text,
  Data: fileTypes.data,
  CompiledWasm: fileTypes.wasm,
};

function moduleDeclarations({ build }: Project): string[] {
  const declared = new Set<string>();
  return activeRules(build.rules).flatMap(({ rule }) => {
    const type = moduleTypes[rule.type];
    if (type === undefined) return [];
    // One star is all that TypeScript knows.
    const patterns = rule.globs
      .map((glob) => glob.replace(/^\*\*\//, ""))
      .filter((glob) => /^[^*]*\*[^*]*$/.test(glob));
    return patterns
      .filter((pattern) => !declared.has(pattern) && declared.add(pattern))
      .flatMap((pattern) => fileDeclaration(pattern, type));
  });
}
