import type { Checksums } from "./checksums.ts";
import type { Condition } from "./condition.ts";
import type { ByteRange, RangeRequest } from "./range.ts";

/** The headers that an object is served with. */
export interface HttpMetadata {
  readonly contentType?: string | undefined;
  readonly contentLanguage?: string | undefined;
  readonly contentDisposition?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly cacheControl?: string | undefined;
  /** Milliseconds since 1970. */
  readonly cacheExpiryMs?: number | undefined;
}

/** What is kept beside an object's content. */
export interface ObjectMetadata {
  readonly http: HttpMetadata;
  readonly custom: Readonly<Record<string, string>>;
  readonly storageClass: string;
}

export interface StoredObject extends ObjectMetadata {
  readonly key: string;
  /** Differs between any two contents that the key ever had. */
  readonly version: string;
  readonly size: number;
  /** Without quotes. */
  readonly etag: string;
  readonly uploadedAt: Date;
  /** Lower-case hex. */
  readonly checksums: Checksums;
}

export interface GetOptions {
  readonly range?: RangeRequest | undefined;
  readonly onlyIf?: Condition | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An object with the bytes that were asked for, or without when a condition did not hold. */
export type FoundObject =
  | { readonly object: StoredObject; readonly range: ByteRange; readonly body: ReadableStream<Uint8Array> }
  | { readonly object: StoredObject; readonly body?: never };

/** What is written: a stream and how long it is to be. */
export interface Content {
  readonly body: ReadableStream<Uint8Array>;
  readonly size: number;
}

export interface PutOptions extends ObjectMetadata {
  readonly onlyIf?: Condition | undefined;
  /** What the content has to have. */
  readonly checksums: Checksums;
  readonly signal?: AbortSignal | undefined;
}

export interface ListOptions {
  readonly prefix: string;
  /** Keys with it after the prefix are grouped into one entry each. */
  readonly delimiter?: string | undefined;
  /** Where to go on: after this key, or after all keys with this prefix. */
  readonly after?: ListEntryName | undefined;
  readonly limit: number;
  /** Whether `http` and `custom` are wanted; a store may leave them empty otherwise. */
  readonly metadata: boolean;
}

export type ListEntryName = { readonly key: string } | { readonly prefix: string };

export type ListEntry = { readonly object: StoredObject } | { readonly prefix: string };

export interface ObjectList {
  /** In the order of their UTF-8 bytes. */
  readonly entries: readonly ListEntry[];
  readonly more: boolean;
}

export interface PublishedPart {
  readonly part: number;
  readonly etag: string;
}

/**
 * One bucket's objects. An object is there whole or not at all, whatever ends a call: of concurrent puts one wins
 * with its whole content. Everything throws errors of `storageError`, or OpenWorkersError STORAGE_UNAVAILABLE or
 * DATABASE_UNAVAILABLE when what is behind it does not answer.
 */
export interface ObjectStore {
  head(key: string): Promise<StoredObject | undefined>;
  /** The body reads on to its end even if the object is overwritten or deleted meanwhile, or it errors. */
  get(key: string, options: GetOptions): Promise<FoundObject | undefined>;
  /** Undefined when the condition did not hold. */
  put(key: string, content: Content, options: PutOptions): Promise<StoredObject | undefined>;
  /** Keys that are not there are fine. */
  delete(keys: readonly string[]): Promise<void>;
  list(options: ListOptions): Promise<ObjectList>;

  /** Returns the upload's id. */
  createUpload(key: string, metadata: ObjectMetadata): Promise<string>;
  /** Returns the part's etag. A part with a number that there is replaces it. */
  uploadPart(
    upload: UploadName,
    partNumber: number,
    content: Content,
    options: { readonly signal?: AbortSignal | undefined },
  ): Promise<string>;
  completeUpload(upload: UploadName, parts: readonly PublishedPart[]): Promise<StoredObject>;
  /** An upload that is complete or aborted stays what it is. */
  abortUpload(upload: UploadName): Promise<void>;
}

export interface UploadName {
  readonly key: string;
  readonly id: string;
}
