/** A request's path in the three forms that matter for files. */
export interface AssetPath {
  /** As a URL parser leaves it: `..` is resolved, what is no ASCII is encoded. What rules are matched with. */
  readonly pathname: string;
  /** Decoded once, without empty parts: what a file is looked up by. */
  readonly decoded: string;
  /** The one spelling of `decoded` under which a file is served. Any other is redirected to it. */
  readonly canonical: string;
  /** With its `?`. */
  readonly search: string;
}

/** Characters of a path that rules are tried on, and may have a file: none has more than 1,024 bytes to its name. */
const maxPath = 2_048;

/**
 * Reads a request target; undefined when it is no path that a file can have. Nothing in it can lead out of a version's files: they are looked up by their whole path, and
 * in no file system. That a file has one spelling is what `run_worker_first` rests on: a pattern that keeps a path for
 * the worker cannot be passed by with another spelling of the path.
 */
export function parseTarget(target: string): AssetPath | undefined {
  let url: URL;
  try {
    // The target begins with a slash, two of which would begin a host.
    url = new URL(`http://host${Buffer.from(target, "latin1").toString("utf8")}`);
  } catch {
    return undefined;
  }
  if (url.pathname.length > maxPath) return undefined;
  const path = pathOf(url.pathname, url.search);
  // `..%2f` and the like, which no URL parser has resolved: an address that nobody has by accident.
  return oddPart.test(path.decoded) ? undefined : path;
}

const oddPart = /(^|\/)\.{1,2}(\/|$)|\0/;

/** The same of a path that a rule leads to. */
export function pathOf(pathname: string, search: string): AssetPath {
  const decoded = decode(pathname);
  return { pathname, decoded, canonical: encode(decoded), search };
}

function decode(pathname: string): string {
  const parts = pathname.split("/").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  // `//host/` in a redirect would lead to another host.
  return parts.join("/").replace(/\/{2,}/g, "/");
}

/** What a path may hold as it is (RFC 3986 §3.3, pchar), and `encodeURIComponent` encodes. */
const plain = /%(?:24|26|2B|2C|3A|3B|3D|40)/g;

export function encode(path: string): string {
  return path
    .split("/")
    .map((part) => {
      try {
        return encodeURIComponent(part).replace(plain, decodeURIComponent);
      } catch {
        return part; // half a surrogate pair, which no file's name has
      }
    })
    .join("/");
}
