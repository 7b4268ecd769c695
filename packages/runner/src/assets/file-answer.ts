import type { AssetFile } from "@openworkers/core";
import { type AssetAnswer, type Fields, fileFields, writeHead } from "./asset-answer.ts";
import { type ContentCache, isCompressible } from "./content-cache.ts";
import { acceptedEncoding, encodings, matchesTag, rangeOf } from "./negotiate.ts";
import type { HeaderChanges } from "./rules.ts";

/** What a client says about the form in which it wants a file. */
export interface Preferences {
  readonly acceptEncoding: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
}

/** A file found for a path, with the heads that it is sent with, each made once. */
export class ServedFile {
  readonly #file: AssetFile;
  readonly #status: 200 | 404;
  readonly #changes: HeaderChanges | undefined;
  readonly #varies: boolean;
  readonly #heads = new Map<string, string>();

  constructor(file: AssetFile, status: 200 | 404, changes: HeaderChanges | undefined) {
    this.#file = file;
    this.#status = status;
    this.#changes = changes;
    this.#varies = isCompressible(file);
  }

  /** The answer to a GET or HEAD, now when the content is in memory. */
  answer(isHead: boolean, wants: Preferences, contents: ContentCache): AssetAnswer | Promise<AssetAnswer> {
    const { ifNoneMatch, range } = wants;
    if (ifNoneMatch !== undefined && this.#status === 200) {
      const same = this.#notModified(ifNoneMatch, wants.acceptEncoding);
      if (same !== undefined) return same;
    }
    if (range !== undefined && !isHead && this.#status === 200) {
      const whole = wants.ifRange !== undefined && wants.ifRange.trim() !== this.#tag("");
      const part = whole ? undefined : this.#part(range, contents);
      if (part !== undefined) return part;
    }
    const encoding = this.#varies && range === undefined ? acceptedEncoding(wants.acceptEncoding) : undefined;
    if (encoding === undefined) return this.#plain(isHead, contents);
    const encoded = contents.encoded(this.#file, encoding);
    const send = (body: Uint8Array | null): AssetAnswer | Promise<AssetAnswer> => {
      if (body === null) return this.#plain(isHead, contents);
      const head = this.#head(encoding, () =>
        this.#fields(`-${encoding}`)
          .set("content-encoding", encoding)
          .set("content-length", String(body.length)),
      );
      return { status: this.#status, head, ...(isHead ? {} : { body }) };
    };
    return encoded instanceof Promise ? encoded.then(send) : send(encoded);
  }

  /** With the tag that the client has, when it is the one that it would be sent. */
  #notModified(ifNoneMatch: string, acceptEncoding: string | undefined): AssetAnswer | undefined {
    const suffixes = ["", ...encodings.map((encoding) => `-${encoding}`)];
    const tags = suffixes.map((suffix) => this.#tag(suffix));
    if (!matchesTag(ifNoneMatch, tags)) return undefined;
    const encoding = this.#varies ? acceptedEncoding(acceptEncoding) : undefined;
    const known = encoding !== undefined && ifNoneMatch.includes(this.#tag(`-${encoding}`));
    return { status: 304, head: writeHead(304, this.#fields(known ? `-${encoding}` : "")) };
  }

  #plain(isHead: boolean, contents: ContentCache): AssetAnswer | Promise<AssetAnswer> {
    const { size } = this.#file;
    const head = this.#head("identity", () =>
      this.#fields("").set("accept-ranges", "bytes").set("content-length", String(size)),
    );
    const answer = { status: this.#status, head };
    if (isHead || size === 0) return answer;
    if (!contents.keeps(size)) return { ...answer, body: contents.pieces(this.#file, 0, size - 1) };
    const body = contents.get(this.#file);
    return body instanceof Promise ? body.then((bytes) => ({ ...answer, body: bytes })) : { ...answer, body };
  }

  #part(header: string, contents: ContentCache): AssetAnswer | Promise<AssetAnswer> | undefined {
    const { size } = this.#file;
    const range = rangeOf(header, size);
    if (range === undefined) return undefined;
    const fields = this.#fields("").set("accept-ranges", "bytes");
    if (range === "unsatisfiable") {
      fields.delete("content-type");
      fields.delete("etag");
      fields.set("content-range", `bytes */${size}`).set("content-length", "0");
      return { status: 416, head: writeHead(416, fields) };
    }
    const { from, to } = range;
    fields.set("content-range", `bytes ${from}-${to}/${size}`).set("content-length", String(to + 1 - from));
    const answer = { status: 206, head: writeHead(206, fields) };
    if (!contents.keeps(size)) return { ...answer, body: contents.pieces(this.#file, from, to) };
    const cut = (bytes: Uint8Array): AssetAnswer => ({ ...answer, body: bytes.subarray(from, to + 1) });
    const bytes = contents.get(this.#file);
    return bytes instanceof Promise ? bytes.then(cut) : cut(bytes);
  }

  /** Strong (RFC 9110 §8.8.3): each coding of a content has another one. */
  #tag(suffix: string): string {
    return `"${this.#file.hash.slice(0, 32)}${suffix}"`;
  }

  #fields(suffix: string): Fields {
    return fileFields(this.#file, this.#changes, { tag: this.#tag(suffix), varies: this.#varies });
  }

  #head(form: string, fields: () => Fields): string {
    let head = this.#heads.get(form);
    if (head === undefined) {
      head = writeHead(this.#status, fields());
      this.#heads.set(form, head);
    }
    return head;
  }
}
