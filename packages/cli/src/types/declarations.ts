import { dirname, relative } from "node:path";
import type { BindingKind, EnvValue } from "@openworkers/core";
import { activeRules, type moduleTypeOf } from "../bundle/rules.ts";
import type { Project } from "../manifest/project.ts";
import { databaseTypes } from "./database-types.ts";
import { propertyName, typeOfJson } from "./json-type.ts";

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

/** As much of a binding as its type depends on. */
export interface Bound {
  readonly kind: BindingKind;
  readonly worker?: string | undefined;
  readonly entrypoint?: string | undefined;
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
    "declare namespace Cloudflare {",
    // Where there is no code, there is no module to speak of.
    ...(project.assets?.only === true
      ? []
      : ["  interface GlobalProps {", `    mainModule: ${importOf(input.file, project.entry)};`, "  }"]),
    "  interface Env {",
    ...[...fields].map(([name, type]) => `    ${propertyName(name)}: ${type};`),
    "  }",
    "}",
    "interface Env extends Cloudflare.Env {}",
    ...([...fields.values()].includes(typeNames.database) ? databaseTypes() : []),
    ...processEnv(project, fields),
    ...moduleDeclarations(project),
    "",
  ].join("\n");
}

function envFields(input: TypesInput): Map<string, string> {
  const { project, values, bindings } = input;
  const fields = new Map([...project.vars].map(([name, value]) => [name, typeOfVar(value)]));
  for (const name of values) fields.set(name, "string");
  for (const [name, wanted] of project.bindings) {
    fields.set(name, typeOfBinding(input, wanted));
  }
  const assets = project.assets?.binding;
  if (assets !== undefined) fields.set(assets, typeNames.assets);
  for (const [name, bound] of bindings) fields.set(name, typeOfBinding(input, bound));
  return new Map([...fields].sort(([a], [b]) => (a < b ? -1 : 1)));
}

// Not the literal that the manifest has: an environment's value may take its place without a deploy.
function typeOfVar({ kind, value }: EnvValue): string {
  return kind === "text" ? "string" : typeOfJson(JSON.parse(value));
}

const typeNames: Readonly<Record<Exclude<BindingKind, "worker">, string>> = {
  kv: "KVNamespace",
  storage: "R2Bucket",
  database: "D1Database",
  hyperdrive: "Hyperdrive",
  queue: "Queue",
  assets: "Fetcher",
  "version-metadata": "WorkerVersionMetadata",
  "rate-limit": "RateLimit",
  "platform-sql": "Hyperdrive",
  "platform-services": "Fetcher",
};

function typeOfBinding({ project, others, file }: TypesInput, { kind, worker, entrypoint }: Bound): string {
  if (kind !== "worker") return typeNames[kind];
  const target = [project, ...others].find(({ name }) => name === worker);
  if (target !== undefined) return `Service<${importOf(file, target.entry)}.${entrypoint ?? "default"}>`;
  const what = `${entrypoint === undefined ? "" : `${entrypoint} of `}${worker}`.replaceAll("*/", "");
  return `Fetcher /* ${what} */`;
}

function importOf(file: string, entry: string): string {
  const path = relative(dirname(file), entry).replace(/\.[cm]?[jt]sx?$/, "");
  return `typeof import(${JSON.stringify(path.startsWith(".") ? path : `./${path}`)})`;
}

/** With Node's modules `process.env` has the texts of `env`. */
function processEnv({ compatibilityFlags }: Project, fields: ReadonlyMap<string, string>): string[] {
  const texts = [...fields].filter(([, type]) => type === "string").map(([name]) => JSON.stringify(name));
  if (!compatibilityFlags.includes("nodejs_compat") || texts.length === 0) return [];
  return [
    "declare namespace NodeJS {",
    `  interface ProcessEnv extends Pick<Cloudflare.Env, ${texts.join(" | ")}> {}`,
    "}",
  ];
}

const moduleTypes: Partial<Record<keyof typeof moduleTypeOf, string>> = {
  Text: "string",
  Data: "ArrayBuffer",
  CompiledWasm: "WebAssembly.Module",
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
      .flatMap((pattern) => [
        `declare module ${JSON.stringify(pattern)} {`,
        `  const value: ${type};`,
        "  export default value;",
        "}",
      ]);
  });
}
