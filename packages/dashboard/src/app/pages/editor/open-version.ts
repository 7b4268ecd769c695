import type { components } from "@openworkers/client";
import type { Module } from "@openworkers/core";
import type { Api } from "../../api/api.ts";
import { deployedSources, originalSources, type Sources } from "../../editor/sources.ts";

export type Version = components["schemas"]["Version"];

/** A version with its modules, to be edited. */
export interface Opened extends Sources {
  readonly version: Version;
}

interface Wanted {
  readonly worker: string;
  readonly version: number;
  /** As the runtime has it, although its sources are there. */
  readonly compiled: boolean;
  readonly signal: AbortSignal;
}

/** Reads a version's sources: what it was compiled from where that is kept, else what it is. @throws ApiError */
export async function openVersion(
  client: Api,
  { worker, version, compiled, signal }: Wanted,
): Promise<Opened> {
  const params = { path: { worker, version } };
  const [shown, source] = await Promise.all([
    client.data(client.api.GET("/v1/workers/{worker}/versions/{version}", { params, signal })),
    client.data(client.api.GET("/v1/workers/{worker}/versions/{version}/source", { params, signal })),
  ]);
  const read = async (kind: "module" | "source-map", name: string) => {
    const path = `/v1/workers/${encodeURIComponent(worker)}/versions/${version}/${kind}`;
    return client.fetch(`${path}?name=${encodeURIComponent(name)}`, { signal });
  };
  const maps = new Map<string, string>();
  const [modules] = await Promise.all([
    Promise.all(
      source.modules.map(
        async ({ name, type }): Promise<Module> => ({
          name,
          type,
          content: new Uint8Array(await (await read("module", name)).arrayBuffer()),
        }),
      ),
    ),
    Promise.all(
      (compiled ? [] : source.sourceMaps).map(async (name) =>
        maps.set(name, await (await read("source-map", name)).text()),
      ),
    ),
  ]);
  return { version: shown, ...(originalSources(modules, maps) ?? deployedSources(modules)) };
}
