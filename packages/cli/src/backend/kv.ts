/** A KV namespace, as the commands see it. */
export interface NamespaceSummary {
  readonly id: string;
  readonly name: string;
  /** Name of the user it belongs to. */
  readonly owner: string;
  readonly createdAt: Date;
}

export interface KvKeySummary {
  readonly name: string;
  /** Seconds since the UNIX epoch; absent for a key that stays. */
  readonly expiration?: number;
  readonly metadata?: unknown;
}

export interface KvPutOptions {
  /** Seconds from now; 60 at least. */
  readonly expirationTtl?: number;
  /** Seconds since the UNIX epoch. */
  readonly expiration?: number;
  readonly metadata?: unknown;
}

/**
 * What is in one namespace. Every method throws OpenWorkersError: INVALID_INPUT, KEY_TOO_LONG and BODY_TOO_LARGE in
 * KV's own words, NOT_FOUND when the namespace has been deleted.
 */
export interface KvNamespaceAccess {
  readonly namespace: NamespaceSummary;
  /** The value comes as it is read; undefined when there is none. */
  get(key: string): Promise<(KvKeySummary & { readonly value: AsyncIterable<Uint8Array> }) | undefined>;
  put(key: string, value: AsyncIterable<Uint8Array>, options?: KvPutOptions): Promise<void>;
  delete(key: string): Promise<void>;
  /** In the order of their bytes, page by page as they are asked for. */
  list(prefix: string): AsyncIterable<KvKeySummary>;
}
