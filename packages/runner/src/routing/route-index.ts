/** Routes of one host: the exact paths, and the prefixes with the longest first. */
interface HostRoutes<T> {
  readonly exact: Map<string, T>;
  readonly prefixes: { readonly prefix: string; readonly value: T }[];
}

/**
 * Finds the most specific route for a host and path: an exact host goes before a wildcard and a longer wildcard
 * before a shorter one; within a host an exact path goes before a prefix and a longer prefix before a shorter
 * one. A custom domain is the least specific route of its host.
 */
export class RouteIndex<T> {
  readonly #hosts = new Map<string, HostRoutes<T>>();
  /** By what follows the `*`, e.g. `.example.com`. */
  readonly #wildcards = new Map<string, HostRoutes<T>>();

  /** @param pattern as stored: `host/path`, lower-case host, perhaps `*.` before it and `*` at the end */
  addRoute(pattern: string, value: T): void {
    const slash = pattern.indexOf("/");
    const host = pattern.slice(0, slash);
    const path = pattern.slice(slash);
    const routes = host.startsWith("*.")
      ? routesOf(this.#wildcards, host.slice(1))
      : routesOf(this.#hosts, host);
    if (path.endsWith("*")) insertPrefix(routes, path.slice(0, -1), value);
    else routes.exact.set(path, value);
  }

  addDomain(hostname: string, value: T): void {
    insertPrefix(routesOf(this.#hosts, hostname), "", value);
  }

  /** @param path normalised, without query */
  find(hostname: string, path: string): T | undefined {
    const exact = this.#hosts.get(hostname);
    const found = exact === undefined ? undefined : match(exact, path);
    if (found !== undefined || this.#wildcards.size === 0) return found;
    for (let dot = hostname.indexOf("."); dot >= 0; dot = hostname.indexOf(".", dot + 1)) {
      const routes = this.#wildcards.get(hostname.slice(dot));
      const wild = routes === undefined ? undefined : match(routes, path);
      if (wild !== undefined) return wild;
    }
    return undefined;
  }
}

function routesOf<T>(hosts: Map<string, HostRoutes<T>>, host: string): HostRoutes<T> {
  let routes = hosts.get(host);
  if (routes === undefined) {
    routes = { exact: new Map(), prefixes: [] };
    hosts.set(host, routes);
  }
  return routes;
}

function insertPrefix<T>(routes: HostRoutes<T>, prefix: string, value: T): void {
  const at = routes.prefixes.findIndex((other) => other.prefix.length < prefix.length);
  routes.prefixes.splice(at < 0 ? routes.prefixes.length : at, 0, { prefix, value });
}

function match<T>({ exact, prefixes }: HostRoutes<T>, path: string): T | undefined {
  const found = exact.get(path);
  if (found !== undefined) return found;
  for (const { prefix, value } of prefixes) {
    if (path.startsWith(prefix)) return value;
    // `/blog/*` is the blog, and so is `/blog`.
    if (prefix.length > 1 && prefix.endsWith("/") && prefix.length === path.length + 1) {
      if (prefix.startsWith(path)) return value;
    }
  }
  return undefined;
}

const ambiguous = /\\|\/\.|%2e/i;

/**
 * The path that routes are matched against: as the worker's own `new URL(request.url).pathname` reads it, so
 * that `/public/../admin` is not routed by its first segment and served by its last.
 *
 * @param target path and query as sent
 */
export function routedPath(target: string): string {
  const query = target.indexOf("?");
  const path = query < 0 ? target : target.slice(0, query);
  if (!ambiguous.test(path)) return path;
  // A path that starts in // would be read as a host without one in front of it.
  return new URL(`http://host${path}`).pathname;
}
