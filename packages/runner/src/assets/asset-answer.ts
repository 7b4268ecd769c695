import type { AssetFile } from "@openworkers/core";
import type { HeaderChanges } from "./rules.ts";

/** An answer made of files: everything but what is the connection's. */
export interface AssetAnswer {
  readonly status: number;
  /** Start line and fields, each with its CRLF, without Date and the empty line; latin1. */
  readonly head: string;
  /** All of it, or piece by piece as it is read; absent where there is none. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
}

const reasons: Readonly<Record<number, string>> = {
  200: "OK",
  206: "Partial Content",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  404: "Not Found",
  405: "Method Not Allowed",
  416: "Range Not Satisfiable",
};

/** As Cloudflare's: a browser may keep it and asks each time whether it is still so. */
const revalidate = "public, max-age=0, must-revalidate";

/** Fields by their lower-case names. */
export type Fields = Map<string, string>;

export function writeHead(status: number, fields: ReadonlyMap<string, string>): string {
  let head = `HTTP/1.1 ${status} ${reasons[status] ?? ""}\r\n`;
  for (const [name, value] of fields) head += `${name}: ${value}\r\n`;
  return head;
}

/** What goes with a file, with `_headers` over it. */
export function fileFields(
  file: AssetFile,
  changes: HeaderChanges | undefined,
  { tag, varies }: { readonly tag: string; readonly varies: boolean },
): Fields {
  const fields: Fields = new Map([
    ["content-type", file.contentType],
    ["cache-control", revalidate],
    ["etag", tag],
  ]);
  if (varies) fields.set("vary", "accept-encoding");
  applyChanges(fields, changes);
  const vary = fields.get("vary");
  // A cache that is not told would hand a compressed file to one who cannot read it.
  if (varies && !/(^|[\s,])(accept-encoding|\*)($|[\s,])/i.test(vary ?? "")) {
    fields.set("vary", vary === undefined ? "accept-encoding" : `${vary}, accept-encoding`);
  }
  return fields;
}

export function applyChanges(fields: Fields, changes: HeaderChanges | undefined): void {
  if (changes === undefined) return;
  for (const name of changes.unset) fields.delete(name);
  for (const [name, value] of changes.set) fields.set(name, value);
}
