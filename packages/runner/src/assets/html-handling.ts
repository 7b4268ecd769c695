import type { AssetSettings } from "@openworkers/core";

/** What a path leads to: a file, or another path under which the file is to be asked for. */
export type Resolved = { readonly file: string } | { readonly redirect: string };

type Mode = AssetSettings["htmlHandling"];

/** The endings that stand for an HTML file, the more particular ones first. */
const endings = ["/index.html", "/index", "/", ".html"];

/**
 * Finds the file for a path, as Cloudflare does: every HTML file has one address without `.html`, and its other names
 * lead there. A file with exactly the path's name goes before any that is only meant by it.
 *
 * @param has whether there is a file with this path
 */
export function resolvePath(path: string, mode: Mode, has: (path: string) => boolean): Resolved | undefined {
  if (mode === "none") return has(path) ? { file: path } : undefined;
  if (has(path)) {
    const address = path.endsWith(".html") ? addressOf(path, mode) : path;
    return address !== path && leadsTo(address, path, mode, has) ? { redirect: address } : { file: path };
  }
  for (const file of meantBy(path)) {
    if (!has(file)) continue;
    const address = addressOf(file, mode);
    if (!leadsTo(address, file, mode, has)) continue;
    return address === path ? { file } : { redirect: address };
  }
  return undefined;
}

/** The HTML files that a path may mean, the likelier ones first. */
function meantBy(path: string): string[] {
  const ending = endings.find((candidate) => path.endsWith(candidate));
  const base = ending === undefined ? path : path.slice(0, -ending.length);
  const files = [`${base}.html`, `${base}/index.html`];
  if (ending !== undefined && ending !== ".html") files.reverse();
  // A folder or file that is itself called `index`, or `x.html`.
  return ending === undefined || ending === "/" ? files : [...files, `${path}.html`, `${path}/index.html`];
}

/** Where an HTML file is at home. */
function addressOf(file: string, mode: Mode): string {
  const isIndex = file.endsWith("/index.html");
  const base = file.slice(0, isIndex ? -"/index.html".length : -".html".length);
  switch (mode) {
    case "force-trailing-slash":
      return `${base}/`;
    case "drop-trailing-slash":
      return base === "" ? "/" : base;
    default:
      return isIndex ? `${base}/` : base;
  }
}

/** Whether `file` is what is served at `address`, if it is asked for there. */
function leadsTo(address: string, file: string, mode: Mode, has: (path: string) => boolean): boolean {
  if (has(address)) return false;
  const base = address.endsWith("/") ? address.slice(0, -1) : address;
  const [index, plain] = [`${base}/index.html`, `${base}.html`];
  switch (mode) {
    case "force-trailing-slash":
      return file === (has(index) ? index : plain);
    case "drop-trailing-slash":
      return file === (has(plain) && base !== "" ? plain : index);
    default:
      return file === (address.endsWith("/") ? index : plain);
  }
}
