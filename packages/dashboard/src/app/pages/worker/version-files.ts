import type { components } from "@openworkers/client";
import type { Api } from "../../api/api.ts";

export type Version = components["schemas"]["Version"];

/** One file of a version, as it is shown. */
export interface VersionFile {
  readonly name: string;
  /** Absent of what is no text, or too long to be looked at. */
  readonly text?: string;
  readonly bytes: number;
  /** What tells its content from another's. */
  readonly hash: string;
}

export interface VersionFiles {
  /** What the runtime was given. */
  readonly modules: readonly VersionFile[];
  /** What these were made from, as far as source maps hold it. */
  readonly sources: readonly VersionFile[];
  /** Number of static files. */
  readonly assets: number;
}

const longest = 5 * 1024 * 1024;
const texts = new Set(["esModule", "commonJsModule", "text", "json"]);

interface SourceMap {
  readonly sources?: readonly (string | null)[];
  readonly sourcesContent?: readonly (string | null)[];
}

/** What a version is made of. @throws ApiError */
export async function filesOf(
  client: Api,
  { worker, version }: { readonly worker: string; readonly version: number },
  signal: AbortSignal,
): Promise<VersionFiles> {
  const path = { worker, version };
  const source = await client.data(
    client.api.GET("/v1/workers/{worker}/versions/{version}/source", { params: { path }, signal }),
  );
  const read = async (what: "module" | "source-map", name: string) => {
    const base = `/v1/workers/${encodeURIComponent(worker)}/versions/${version}`;
    return (await client.fetch(`${base}/${what}?name=${encodeURIComponent(name)}`, { signal })).text();
  };
  const modules = await Promise.all(
    source.modules.map(async ({ name, type, bytes, hash }): Promise<VersionFile> => {
      const shown = texts.has(type) && bytes <= longest;
      return shown ? { name, bytes, hash, text: await read("module", name) } : { name, bytes, hash };
    }),
  );
  const maps = await Promise.all(source.sourceMaps.map(async (name) => read("source-map", name)));
  return { modules, sources: maps.flatMap(sourcesIn), assets: source.assets };
}

function sourcesIn(map: string): VersionFile[] {
  const { sources = [], sourcesContent = [] } = JSON.parse(map) as SourceMap;
  return sources.flatMap((name, at) => {
    const text = sourcesContent[at];
    // Those of packages are not kept, or are of no interest to who looks at their own code.
    if (name === null || text === null || text === undefined || name.includes("node_modules/")) return [];
    return [{ name, text, bytes: new Blob([text]).size, hash: text }];
  });
}
