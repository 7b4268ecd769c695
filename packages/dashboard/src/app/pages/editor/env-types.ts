import type { components } from "@openworkers/client";
import {
  envDeclarations,
  fileDeclaration,
  fileTypes,
  processEnvDeclarations,
  typeOfBinding,
  typeOfJson,
  typeOfVar,
} from "@openworkers/core/env-types";
import type { Api } from "../../api/api.ts";
import type { AmbientTypes } from "../../editor/code-editor.ts";
import { type SourceModule, typeOfModule } from "../../editor/modules.ts";
import type { Version } from "./open-version.ts";

/** What a worker has on `env`, as far as its types go. */
export interface EnvNames {
  readonly values: readonly { readonly name: string }[];
  readonly bindings: readonly components["schemas"]["Binding"][];
}

let runtime: Promise<AmbientTypes[]> | undefined;

/** The runtime's own types: a large file, read once. */
export function runtimeTypes(): Promise<AmbientTypes[]> {
  runtime ??= Promise.all(
    ["workers-types", "worker-types"].map(async (name) => {
      const response = await fetch(`types/${name}/index.d.ts`);
      if (!response.ok) throw new Error(`The types of the runtime could not be read (${response.status}).`);
      return { path: `${name}.d.ts`, text: await response.text() };
    }),
  ).catch((thrown: unknown) => {
    runtime = undefined;
    throw thrown;
  });
  return runtime;
}

export async function readEnvNames(client: Api, worker: string, signal: AbortSignal): Promise<EnvNames> {
  const params = { path: { worker } };
  const [values, bindings] = await Promise.all([
    client.data(client.api.GET("/v1/workers/{worker}/values", { params, signal })),
    client.data(client.api.GET("/v1/workers/{worker}/bindings", { params, signal })),
  ]);
  return { values: values.items, bindings: bindings.items };
}

/** The type of `env`, as `ow types` writes it. */
export function envTypes(
  version: Pick<Version, "vars" | "compatibilityFlags"> | undefined,
  env: EnvNames,
): AmbientTypes {
  const fields = new Map(
    Object.entries(version?.vars ?? {}).map(([name, value]) => [name, typeOfVar(value)]),
  );
  for (const { name } of env.values) fields.set(name, "string");
  for (const { name, kind, resource, entrypoint } of env.bindings) {
    fields.set(
      name,
      typeOfBinding({ kind, worker: resource ?? undefined, entrypoint: entrypoint ?? undefined }),
    );
  }
  const text = [
    ...envDeclarations(fields),
    ...processEnvDeclarations(version?.compatibilityFlags ?? [], fields),
  ];
  return { path: "env.d.ts", text: text.join("\n") };
}

/** What importing the modules gives that are no scripts. */
export function fileTypesOf(modules: readonly SourceModule[]): AmbientTypes {
  const lines = modules.flatMap((module) => {
    const pattern = `*/${module.name.split("/").at(-1)}`;
    const type = typeOfModule(module);
    if (type === "json") return fileDeclaration(pattern, jsonType(module.content));
    return type === "text" || type === "data" || type === "wasm"
      ? fileDeclaration(pattern, fileTypes[type])
      : [];
  });
  return { path: "files.d.ts", text: lines.join("\n") };
}

function jsonType(content: SourceModule["content"]): string {
  try {
    return typeOfJson(JSON.parse(String(content)));
  } catch {
    // Being written: the editor says what is wrong with it.
    return "unknown";
  }
}
