import {
  type AssetSettings,
  type Captures,
  fillIn,
  type HeaderRule,
  PathPattern,
  type RedirectRule,
} from "@openworkers/core";
import type { AssetPath } from "./asset-path.ts";
import { globMatches } from "./glob.ts";

/** What a rule of `_redirects` makes of a request. */
export type Redirect =
  | { readonly kind: "redirect"; readonly status: number; readonly location: string }
  /** Another path's file is served under this one. */
  | { readonly kind: "rewrite"; readonly pathname: string };

interface DynamicRule {
  readonly line: number;
  readonly pattern: PathPattern;
  readonly rule: RedirectRule;
}

/** The rules of `_redirects`; the first in the file that fits is the one. */
export class RedirectRules {
  readonly #literal = new Map<string, { line: number; rule: RedirectRule }>();
  readonly #dynamic: DynamicRule[] = [];

  constructor(rules: readonly RedirectRule[]) {
    for (const [line, rule] of rules.entries()) {
      const pattern = PathPattern.parse(rule.from, "/");
      if (typeof pattern === "string") continue; // refused at deploy, with a warning
      if (!pattern.isLiteral) this.#dynamic.push({ line, pattern, rule });
      else if (!this.#literal.has(rule.from)) this.#literal.set(rule.from, { line, rule });
    }
  }

  /** @param origin of the request, such as `http://hello.localhost` */
  find({ pathname, search }: AssetPath, origin: string): Redirect | undefined {
    const literal = this.#literal.get(pathname);
    const parts = pathname.split("/");
    for (const { line, pattern, rule } of this.#dynamic) {
      if (literal !== undefined && literal.line < line) break;
      const captures = pattern.match(parts);
      if (captures === undefined) continue;
      const found = redirect(rule, captures, search, origin);
      if (found !== undefined) return found;
    }
    return literal === undefined ? undefined : redirect(literal.rule, new Map(), search, origin);
  }
}

function redirect(
  { to, status }: RedirectRule,
  captures: Captures,
  search: string,
  origin: string,
): Redirect | undefined {
  const filled = fillIn(to, captures);
  let url: URL;
  try {
    // What was captured may begin with a slash, and two of them would name another host.
    url = new URL(to.startsWith("/") ? origin + filled.replace(/\/{2,}/g, "/") : filled);
  } catch {
    return undefined; // what was captured makes no URL
  }
  if (status === 200) return { kind: "rewrite", pathname: url.pathname };
  const query = url.search === "" ? search : url.search;
  const place = url.origin === origin ? "" : `${url.protocol}//${url.host}`;
  return { kind: "redirect", status, location: `${place}${url.pathname}${query}${url.hash}` };
}

/** What `_headers` says about one response: fields to set by their lower-case names, and to leave out. */
export interface HeaderChanges {
  readonly set: ReadonlyMap<string, string>;
  readonly unset: ReadonlySet<string>;
}

interface CompiledHeaders {
  readonly host: PathPattern | undefined;
  readonly path: PathPattern;
  readonly rule: HeaderRule;
}

const absolute = /^https:\/\/([^/]+)(\/.*)?$/;

/** The rules of `_headers`; all that fit apply, in their order. */
export class HeaderRules {
  readonly #rules: CompiledHeaders[] = [];
  /** A rule names a host: what applies depends on more than the path. */
  readonly hostMatters: boolean;

  constructor(rules: readonly HeaderRule[]) {
    for (const rule of rules) {
      const [, hostText, pathText] = absolute.exec(rule.from) ?? [undefined, undefined, rule.from];
      const host = hostText === undefined ? undefined : PathPattern.parse(hostText, ".");
      const path = PathPattern.parse(pathText ?? "/", "/");
      // Refused at deploy, with a warning.
      if (typeof path === "string" || typeof host === "string") continue;
      this.#rules.push({ host, path, rule });
    }
    this.hostMatters = this.#rules.some(({ host }) => host !== undefined);
  }

  changes(pathname: string, hostname: string): HeaderChanges | undefined {
    let set: Map<string, string> | undefined;
    let unset: Set<string> | undefined;
    const pathParts = pathname.split("/");
    const hostParts = hostname.split(".");
    for (const { host, path, rule } of this.#rules) {
      const ofHost = host?.match(hostParts);
      if (host !== undefined && ofHost === undefined) continue;
      const ofPath = path.match(pathParts);
      if (ofPath === undefined) continue;
      set ??= new Map();
      unset ??= new Set();
      for (const name of rule.unset) {
        unset.add(name);
        set.delete(name);
      }
      for (const [name, value] of rule.set) {
        const filled = fillIn(value, new Map([...(ofHost ?? []), ...ofPath]));
        const before = set.get(name);
        set.set(name, before === undefined ? filled : `${before}, ${filled}`);
      }
    }
    return set === undefined || unset === undefined ? undefined : { set, unset };
  }
}

/** Whether `run_worker_first` keeps a path for the worker: yes, no, or that it says nothing of it. */
export function workerFirst(
  setting: AssetSettings["runWorkerFirst"],
  { pathname, canonical }: AssetPath,
): "worker" | "assets" | undefined {
  if (typeof setting === "boolean") return setting ? "worker" : undefined;
  const fits = (pattern: string): boolean =>
    globMatches(pattern, pathname) || globMatches(pattern, canonical);
  if (setting.some((rule) => rule.startsWith("!") && fits(rule.slice(1)))) return "assets";
  return setting.some((rule) => !rule.startsWith("!") && fits(rule)) ? "worker" : undefined;
}
