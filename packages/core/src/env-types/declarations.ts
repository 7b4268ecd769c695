import type { BindingKind } from "../bindings.ts";
import type { EnvValue } from "../worker-code.ts";
import { propertyName, typeOfJson } from "./json-type.ts";

/** As much of a binding as its type depends on. */
export interface Bound {
  readonly kind: BindingKind;
  readonly worker?: string | undefined;
  readonly entrypoint?: string | undefined;
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

/** Not the literal that the manifest has: an environment's value may take its place without a deploy. */
export function typeOfVar({ kind, value }: EnvValue): string {
  return kind === "text" ? "string" : typeOfJson(JSON.parse(value));
}

/**
 * The type of what a name on `env` is bound to.
 *
 * @param typeOfWorker the type of another worker's module, where its source is known: `typeof import("../other/index")`
 */
export function typeOfBinding(
  { kind, worker, entrypoint }: Bound,
  typeOfWorker: (name: string) => string | undefined = () => undefined,
): string {
  if (kind !== "worker") return typeNames[kind];
  const module = worker === undefined ? undefined : typeOfWorker(worker);
  if (module !== undefined) return `Service<${module}.${entrypoint ?? "default"}>`;
  const what = `${entrypoint === undefined ? "" : `${entrypoint} of `}${worker}`.replaceAll("*/", "");
  return `Fetcher /* ${what} */`;
}

/** Whether one of the types needs the declarations of `@openworkers/worker-types`. */
export function hasDatabase(fields: ReadonlyMap<string, string>): boolean {
  return [...fields.values()].includes(typeNames.database);
}

/**
 * The lines that declare `Env` and `Cloudflare.Env` (which `import { env } from "cloudflare:workers"` has).
 *
 * @param fields types by name
 * @param mainModule the type of the worker's own main module, where there is code
 */
export function envDeclarations(fields: ReadonlyMap<string, string>, mainModule?: string): string[] {
  return [
    "declare namespace Cloudflare {",
    ...(mainModule === undefined
      ? []
      : ["  interface GlobalProps {", `    mainModule: ${mainModule};`, "  }"]),
    "  interface Env {",
    ...[...fields].map(([name, type]) => `    ${propertyName(name)}: ${type};`),
    "  }",
    "}",
    "interface Env extends Cloudflare.Env {}",
  ];
}

/** With Node's modules `process.env` has the texts of `env`. */
export function processEnvDeclarations(
  compatibilityFlags: readonly string[],
  fields: ReadonlyMap<string, string>,
): string[] {
  const texts = [...fields].filter(([, type]) => type === "string").map(([name]) => JSON.stringify(name));
  if (!compatibilityFlags.includes("nodejs_compat") || texts.length === 0) return [];
  return [
    "declare namespace NodeJS {",
    `  interface ProcessEnv extends Pick<Cloudflare.Env, ${texts.join(" | ")}> {}`,
    "}",
  ];
}

/** Declares what importing files of a pattern (`*.txt`) gives. */
export function fileDeclaration(pattern: string, type: string): string[] {
  return [
    `declare module ${JSON.stringify(pattern)} {`,
    `  const value: ${type};`,
    "  export default value;",
    "}",
  ];
}

/** What kinds of modules are to those that import them. */
export const fileTypes = {
  text: "string",
  data: "ArrayBuffer",
  wasm: "WebAssembly.Module",
} as const;
