import type { AssetFile, AssetSettings } from "@openworkers/core";
import type { StoredAssets } from "@openworkers/db";
import { type AssetPath, encode, parseTarget, pathOf } from "./asset-path.ts";
import { resolvePath } from "./html-handling.ts";
import { type HeaderChanges, HeaderRules, RedirectRules, workerFirst } from "./rules.ts";

/** What decides which file a request gets. */
export interface AssetQuery {
  readonly method: string;
  /** Without its port. */
  readonly hostname: string;
  /** With it. */
  readonly host: string;
  /** Path and query as sent, latin1. */
  readonly target: string;
  /** It opens a WebSocket, which no file can answer. */
  readonly webSocket: boolean;
  /** `Sec-Fetch-Mode: navigate`: a person goes there, and no script asks. */
  readonly navigates: boolean;
}

/** What a version's files answer to a request. */
export type Resolution =
  | {
      readonly kind: "file";
      readonly file: AssetFile;
      readonly status: 200 | 404;
      /** The path was sent as the file's own one: no rewrite, no other spelling, no page for what is not there. */
      readonly own: boolean;
      readonly changes: HeaderChanges | undefined;
    }
  | {
      readonly kind: "redirect";
      readonly status: number;
      readonly location: string;
      readonly changes: HeaderChanges | undefined;
    }
  | { readonly kind: "method-not-allowed" }
  | { readonly kind: "not-found"; readonly changes: HeaderChanges | undefined };

const maxFolder = 1_024;
const navigationFrom = "2025-04-01";

/** A version's static files by their paths, and the rules for them. */
export class AssetIndex {
  /** Roughly what it takes in memory. */
  readonly bytes: number;
  readonly #settings: AssetSettings;
  readonly #files: ReadonlyMap<string, AssetFile>;
  readonly #redirects: RedirectRules;
  readonly #headers: HeaderRules;
  readonly #navigationPrefersAssets: boolean;

  constructor({ settings, files, compatibilityDate, compatibilityFlags }: StoredAssets) {
    this.#settings = settings;
    this.#files = new Map(files.map((file) => [file.path, file]));
    this.#redirects = new RedirectRules(settings.redirects);
    this.#headers = new HeaderRules(settings.headers);
    this.#navigationPrefersAssets =
      compatibilityFlags.includes("assets_navigation_prefers_asset_serving") ||
      (compatibilityDate >= navigationFrom &&
        !compatibilityFlags.includes("assets_navigation_has_no_effect"));
    this.bytes = files.reduce((sum, { path }) => sum + 400 + 2 * path.length, 4_096);
  }

  /** Of an answer to a GET that is a file, whether it is the same for every request with this path. */
  get sameForAll(): boolean {
    return !this.#headers.hostMatters;
  }

  /** What the files answer before the worker runs; undefined when it is the worker's to answer. */
  beforeWorker(query: AssetQuery): Resolution | undefined {
    const { only, runWorkerFirst } = this.#settings;
    if (!only && (runWorkerFirst === true || query.webSocket)) return undefined;
    const path = parseTarget(query.target);
    if (path === undefined) return only ? { kind: "not-found", changes: undefined } : undefined;
    if (only) return this.#resolve(path, query, true);
    const first = workerFirst(runWorkerFirst, path);
    if (first === "worker") return undefined;
    if (first === "assets") return this.#resolve(path, query, true);
    const found = this.#resolve(path, query, query.navigates && this.#navigationPrefersAssets);
    return found.kind === "not-found" ? undefined : found;
  }

  /** What they answer when the worker asks. */
  forWorker(query: AssetQuery): Resolution {
    const path = parseTarget(query.target);
    return path === undefined ? { kind: "not-found", changes: undefined } : this.#resolve(path, query, true);
  }

  /** @param fallback whether what is no file may be answered with the page for that */
  #resolve(path: AssetPath, query: AssetQuery, fallback: boolean): Resolution {
    const changes = this.#headers.changes(path.pathname, query.hostname);
    const rule = this.#redirects.find(path, `http://${query.host}`);
    if (rule?.kind === "redirect") {
      return { kind: "redirect", status: rule.status, location: rule.location, changes };
    }
    const wanted = rule === undefined ? path : pathOf(rule.pathname, path.search);
    const has = (file: string): boolean => this.#files.has(file);
    const found = resolvePath(wanted.decoded, this.#settings.htmlHandling, has);
    const file = found === undefined ? undefined : "file" in found ? this.#files.get(found.file) : undefined;
    const page = found === undefined && fallback ? this.#notFoundPage(wanted.decoded) : undefined;
    if (found === undefined && page === undefined) return { kind: "not-found", changes };
    if (query.method !== "GET" && query.method !== "HEAD") return { kind: "method-not-allowed" };
    if (found !== undefined && "redirect" in found) {
      return { kind: "redirect", status: 307, location: encode(found.redirect) + path.search, changes };
    }
    if (wanted.canonical !== wanted.pathname) {
      return { kind: "redirect", status: 307, location: wanted.canonical + path.search, changes };
    }
    if (file !== undefined) {
      const own = rule === undefined && query.target.split("?", 1)[0] === path.pathname;
      return { kind: "file", file, status: 200, own, changes };
    }
    return page === undefined
      ? { kind: "not-found", changes }
      : { kind: "file", ...page, own: false, changes };
  }

  #notFoundPage(path: string): { file: AssetFile; status: 200 | 404 } | undefined {
    switch (this.#settings.notFoundHandling) {
      case "single-page-application": {
        const file = this.#files.get("/index.html");
        return file === undefined ? undefined : { file, status: 200 };
      }
      case "404-page":
        // No file lies deeper than its longest name.
        for (let folder = path.slice(0, maxFolder); folder !== ""; ) {
          folder = folder.slice(0, folder.lastIndexOf("/"));
          const file = this.#files.get(`${folder}/404.html`);
          if (file !== undefined) return { file, status: 404 };
        }
        return undefined;
      case "none":
        return undefined;
    }
  }
}
