import type { ApiClient, components } from "@openworkers/client";
import {
  type Content,
  checkKey,
  type FoundObject,
  type GetOptions,
  type HttpMetadata,
  isOpenWorkersError,
  type ListEntry,
  type ListEntryName,
  type ListOptions,
  type ObjectList,
  type ObjectMetadata,
  type ObjectStore,
  OpenWorkersError,
  type PublishedPart,
  type PutOptions,
  type RangeRequest,
  resolveRange,
  type StoredObject,
  storageError,
  type UploadName,
} from "@openworkers/core";
import { dateOf } from "./api-values.ts";

type Described = components["schemas"]["StoredObject"];

const customMetadata = "ow-custom-metadata";
/** Largest page of the API. */
const pageObjects = 100;
/** Largest body that the API takes: `bodyBytes` of a worker, as the API is one. It is in memory on its way. */
const maxBytes = 100 * 2 ** 20;

const httpHeaders = {
  contentType: "content-type",
  contentLanguage: "content-language",
  contentDisposition: "content-disposition",
  contentEncoding: "content-encoding",
  cacheControl: "cache-control",
} as const satisfies Partial<Record<keyof HttpMetadata, string>>;

/**
 * One bucket's objects, through the API. Conditions and checksums are not for those who come this way; an upload in parts is
 * put together here and sent as one.
 */
export class ApiObjects implements ObjectStore {
  readonly #client: ApiClient;
  readonly #bucket: string;
  readonly #uploads = new Map<string, Upload>();
  /** Where the API goes on after an entry that it told last. */
  readonly #cursors = new Map<string, string>();

  constructor(client: ApiClient, bucket: string) {
    this.#client = client;
    this.#bucket = bucket;
  }

  async head(key: string): Promise<StoredObject | undefined> {
    return await unlessMissing(async () => {
      const { headers } = await this.#client.fetch(this.#path(key), { method: "HEAD" });
      return objectOf(key, headers);
    });
  }

  async get(key: string, { range, signal }: GetOptions): Promise<FoundObject | undefined> {
    return await unlessMissing(async () => {
      const headers = range === undefined ? {} : { range: rangeHeader(range) };
      const response = await this.#client.fetch(this.#path(key), {
        headers,
        ...(signal === undefined ? {} : { signal }),
      });
      const object = objectOf(key, response.headers);
      const body = response.body ?? new Blob().stream();
      return { object, range: resolveRange(range, object.size), body };
    });
  }

  async put(key: string, { body, size }: Content, options: PutOptions): Promise<StoredObject> {
    const { http, custom, signal } = options;
    const headers = new Headers({ "content-length": String(size), [customMetadata]: asciiJson(custom) });
    headers.set("content-type", "application/octet-stream");
    for (const [field, header] of Object.entries(httpHeaders)) {
      const value = http[field as keyof typeof httpHeaders];
      if (value !== undefined) headers.set(header, value);
    }
    checkBytes(size);
    const response = await this.#client.fetch(this.#path(key), {
      method: "PUT",
      headers,
      // Not as a stream: that would be sent in chunks, and lose the length that the API asks for.
      body: await new Response(body).blob(),
      ...(signal === undefined ? {} : { signal }),
    });
    return toObject((await response.json()) as Described);
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      await unlessMissing(async () => {
        await this.#client.fetch(this.#path(key), { method: "DELETE" });
        return undefined;
      });
    }
  }

  async list({ prefix, delimiter, after, limit }: ListOptions): Promise<ObjectList> {
    const entries: ListEntry[] = [];
    const last = after === undefined ? undefined : nameOf(after);
    let cursor = last === undefined ? undefined : this.#cursors.get(last);
    const isAfter = (entry: ListEntry) =>
      last === undefined || cursor !== undefined || Buffer.compare(bytesOf(entry), Buffer.from(last)) > 0;
    for (;;) {
      const query = {
        prefix,
        limit: Math.min(pageObjects, limit - entries.length),
        ...(delimiter === undefined ? {} : { delimiter }),
        ...(cursor === undefined ? {} : { cursor }),
      };
      const path = { bucket: this.#bucket };
      const page = await this.#client.data(
        this.#client.api.GET("/v1/storage/{bucket}/objects", { params: { path, query } }),
      );
      entries.push(...inOrder(page).filter(isAfter));
      if (page.nextCursor === null) return { entries, more: false };
      cursor = page.nextCursor;
      const name = entries.at(-1);
      if (name !== undefined) this.#cursors.set(bytesOf(name).toString(), cursor);
      if (entries.length >= limit) return { entries, more: true };
    }
  }

  async createUpload(key: string, metadata: ObjectMetadata): Promise<string> {
    checkKey(key);
    const id = crypto.randomUUID();
    this.#uploads.set(id, { metadata, parts: new Map() });
    return id;
  }

  async uploadPart({ id }: UploadName, part: number, { body }: Content): Promise<string> {
    const { parts } = this.#upload(id);
    parts.set(part, await new Response(body).blob());
    checkBytes([...parts.values()].reduce((sum, { size }) => sum + size, 0));
    return String(part);
  }

  async completeUpload(upload: UploadName, published: readonly PublishedPart[]): Promise<StoredObject> {
    const { metadata, parts } = this.#upload(upload.id);
    this.#uploads.delete(upload.id);
    const whole = new Blob(published.flatMap(({ part }) => parts.get(part) ?? []));
    const content = { body: whole.stream(), size: whole.size };
    return await this.put(upload.key, content, { ...metadata, checksums: {} });
  }

  async abortUpload({ id }: UploadName): Promise<void> {
    this.#uploads.delete(id);
  }

  #upload(id: string): Upload {
    const found = this.#uploads.get(id);
    if (found === undefined) throw storageError("noSuchUpload");
    return found;
  }

  #path(key: string): string {
    checkKey(key);
    if (key === "." || key === "..") {
      throw new OpenWorkersError("INVALID_INPUT", `The key "${key}" cannot be told in a URL.`);
    }
    return `/v1/storage/${this.#bucket}/objects/${encodeURIComponent(key)}`;
  }
}

interface Upload {
  readonly metadata: ObjectMetadata;
  readonly parts: Map<number, Blob>;
}

function checkBytes(bytes: number): void {
  if (bytes <= maxBytes) return;
  throw new OpenWorkersError("BODY_TOO_LARGE", `Through the API an object has ${maxBytes} bytes at most.`, {
    hint: "Put it from a worker, or on the platform's own machine.",
    details: { maxBytes },
  });
}

async function unlessMissing<T>(read: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await read();
  } catch (thrown) {
    if (isOpenWorkersError(thrown, "NOT_FOUND")) return undefined;
    throw thrown;
  }
}

function nameOf(name: ListEntryName): string {
  return "key" in name ? name.key : name.prefix;
}

function bytesOf(entry: ListEntry): Buffer {
  return Buffer.from("object" in entry ? entry.object.key : entry.prefix);
}

/** What a page holds, objects and prefixes together by their bytes. */
function inOrder({ items, prefixes }: components["schemas"]["Objects"]): ListEntry[] {
  const entries: ListEntry[] = [
    ...items.map((item) => ({ object: toObject(item) })),
    ...prefixes.map((prefix) => ({ prefix })),
  ];
  return entries.sort((a, b) => Buffer.compare(bytesOf(a), bytesOf(b)));
}

function toObject({
  key,
  size,
  etag,
  uploadedAt,
  httpMetadata,
  customMetadata: custom,
}: Described): StoredObject {
  const uploaded = { size, etag, uploadedAt: dateOf(uploadedAt) };
  return { key, ...uploaded, http: httpMetadata as HttpMetadata, custom, ...unknown(etag) };
}

function objectOf(key: string, headers: Headers): StoredObject {
  const etag = (headers.get("etag") ?? "").replace(/^(W\/)?"|"$/g, "");
  const http = Object.entries(httpHeaders).flatMap(([field, header]) => {
    const value = headers.get(header);
    return value === null ? [] : [[field, value]];
  });
  return {
    key,
    size: sizeOf(headers),
    etag,
    uploadedAt: new Date(headers.get("last-modified") ?? 0),
    http: Object.fromEntries(http) as HttpMetadata,
    custom: JSON.parse(headers.get(customMetadata) ?? "{}") as Record<string, string>,
    ...unknown(etag),
  };
}

/** Of the whole object, where only a part of it came. */
function sizeOf(headers: Headers): number {
  const whole = /\/(\d+)$/.exec(headers.get("content-range") ?? "")?.[1];
  return Number(whole ?? headers.get("content-length") ?? 0);
}

/** What the API does not tell. */
function unknown(etag: string): Pick<StoredObject, "version" | "storageClass" | "checksums"> {
  return { version: etag, storageClass: "Standard", checksums: {} };
}

/** RFC 9110 §14.2. */
function rangeHeader(range: RangeRequest): string {
  if ("header" in range) return range.header;
  if ("suffix" in range) return `bytes=-${range.suffix}`;
  const { offset = 0, length } = range;
  return `bytes=${offset}-${length === undefined ? "" : offset + length - 1}`;
}

function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
