import type { VersionId } from "@openworkers/core";
import { type Database, loadAssets } from "@openworkers/db";
import { type AssetAnswer, applyChanges, type Fields, writeHead } from "./asset-answer.ts";
import { AssetIndex, type AssetQuery, type Resolution } from "./asset-index.ts";
import { ContentCache } from "./content-cache.ts";
import { type Preferences, ServedFile } from "./file-answer.ts";
import { LruCache } from "./lru-cache.ts";

/** A request, as far as files are concerned. */
export interface AssetRequest extends AssetQuery, Preferences {}

export interface AssetServerOptions {
  readonly database: Database;
  /** Bytes of contents kept in memory. Default 256 MiB. */
  readonly cacheBytes?: number | undefined;
  /** What an operator should read. Never throws. */
  readonly report: (message: string, details: Record<string, unknown>) => void;
}

/** Lists of files are small beside the files: 20,000 take some 10 MB. */
const maxIndexBytes = 128 * 2 ** 20;

interface Version {
  readonly index: AssetIndex;
  /** By the path as it was sent, where nothing else decides: at most a few for each file. */
  readonly known: Map<string, ServedFile>;
}

/**
 * Serves the static files of every version, before a worker runs and for workers that ask. What was served once is in
 * memory and goes on being served while PostgreSQL is away.
 */
export class AssetServer {
  readonly #options: AssetServerOptions;
  readonly #contents: ContentCache;
  readonly #versions = new LruCache<Version>(maxIndexBytes);
  readonly #loading = new Map<VersionId, Promise<Version | undefined>>();
  #prefetching: Promise<void> = Promise.resolve();

  constructor(options: AssetServerOptions) {
    this.#options = options;
    this.#contents = new ContentCache(options.database, options.cacheBytes ?? 256 * 2 ** 20);
  }

  /**
   * What a version's files answer before its worker runs; undefined when the worker is to answer. No promise when
   * everything is in memory.
   *
   * @throws OpenWorkersError DATABASE_UNAVAILABLE, OVERLOADED, as a rejection
   */
  beforeWorker(
    versionId: VersionId,
    request: AssetRequest,
  ): AssetAnswer | undefined | Promise<AssetAnswer | undefined> {
    const version = this.#versions.get(versionId);
    if (version !== undefined) return this.#first(version, request);
    return this.#load(versionId).then((loaded) =>
      loaded === undefined ? undefined : this.#first(loaded, request),
    );
  }

  /** What they answer to the worker itself. @throws as `beforeWorker` */
  async forWorker(versionId: VersionId, request: AssetRequest): Promise<AssetAnswer> {
    const version = this.#versions.get(versionId) ?? (await this.#load(versionId));
    const resolution: Resolution = version?.index.forWorker(request) ?? {
      kind: "not-found",
      changes: undefined,
    };
    return this.#answer(resolution, request);
  }

  /** Loads the lists of these versions' files in the background, one after the other. */
  prefetch(versions: Iterable<VersionId>): void {
    for (const versionId of versions) {
      this.#prefetching = this.#prefetching.then(async () => {
        try {
          if (this.#versions.get(versionId) === undefined) await this.#load(versionId);
        } catch (error) {
          // The first request tries again, and is told.
          this.#options.report("A version's static files could not be loaded ahead.", { error, versionId });
        }
      });
    }
  }

  #first(
    version: Version,
    request: AssetRequest,
  ): AssetAnswer | undefined | Promise<AssetAnswer | undefined> {
    const query = request.target.indexOf("?");
    const path = query < 0 ? request.target : request.target.slice(0, query);
    const isRead = request.method === "GET" || request.method === "HEAD";
    const known = isRead && !request.webSocket ? version.known.get(path) : undefined;
    if (known !== undefined) return known.answer(request.method === "HEAD", request, this.#contents);
    const resolution = version.index.beforeWorker(request);
    if (resolution === undefined) return undefined;
    if (resolution.kind === "file" && resolution.own && version.index.sameForAll) {
      const { file, status, changes } = resolution;
      const served = new ServedFile(file, status, changes);
      version.known.set(path, served);
      return served.answer(request.method === "HEAD", request, this.#contents);
    }
    return this.#answer(resolution, request);
  }

  #answer(resolution: Resolution, request: AssetRequest): AssetAnswer | Promise<AssetAnswer> {
    const isHead = request.method === "HEAD";
    switch (resolution.kind) {
      case "file": {
        const { file, status, changes } = resolution;
        return new ServedFile(file, status, changes).answer(isHead, request, this.#contents);
      }
      case "redirect":
        return empty(resolution.status, new Map([["location", resolution.location]]), resolution.changes);
      case "method-not-allowed":
        return empty(405, new Map([["allow", "GET, HEAD"]]), undefined);
      case "not-found":
        return empty(404, new Map(), resolution.changes);
    }
  }

  #load(versionId: VersionId): Promise<Version | undefined> {
    let loading = this.#loading.get(versionId);
    if (loading === undefined) {
      loading = loadAssets(this.#options.database, versionId)
        .then((stored) => {
          if (stored === undefined) return undefined;
          const version: Version = { index: new AssetIndex(stored), known: new Map() };
          this.#versions.set(versionId, version, version.index.bytes);
          return version;
        })
        .finally(() => this.#loading.delete(versionId));
      this.#loading.set(versionId, loading);
    }
    return loading;
  }
}

function empty(status: number, fields: Fields, changes: Parameters<typeof applyChanges>[1]): AssetAnswer {
  applyChanges(fields, changes);
  return { status, head: writeHead(status, fields.set("content-length", "0")) };
}
