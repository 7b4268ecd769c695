import { checkKvKey, checkKvMetadata, checkKvPrefix, kvExpiry, kvLimits } from "@openworkers/core";
import {
  type Database,
  deleteKvEntry,
  listKvEntries,
  putKvStream,
  type Resource,
  readKvEntries,
  readKvValue,
} from "@openworkers/db";
import type { KvKeySummary, KvNamespaceAccess, KvPutOptions, NamespaceSummary } from "./kv.ts";

/** A namespace's entries, through the database. */
export class SqlKv implements KvNamespaceAccess {
  readonly namespace: NamespaceSummary;
  readonly #database: Database;
  readonly #id: Resource<"kv">["id"];

  constructor(database: Database, namespace: Resource<"kv">) {
    this.#database = database;
    this.#id = namespace.id;
    this.namespace = namespace;
  }

  async get(key: string) {
    const [entry] = await readKvEntries(this.#database, [this.#key(key)]);
    if (entry === undefined) return undefined;
    const { value, valueId, size } = entry;
    return {
      ...summary(key, entry),
      value: valueId === null ? once(value ?? new Uint8Array()) : readKvValue(this.#database, valueId, size),
    };
  }

  async put(key: string, value: AsyncIterable<Uint8Array>, options: KvPutOptions = {}): Promise<void> {
    const { expirationTtl, expiration, metadata } = options;
    const entry = {
      ...this.#key(key),
      expiresAt: kvExpiry({
        expirationTtl: expirationTtl === undefined ? undefined : String(expirationTtl),
        expiration: expiration === undefined ? undefined : String(expiration),
      }),
      metadata: metadata === undefined ? undefined : checkKvMetadata(JSON.stringify(metadata)),
    };
    await putKvStream(this.#database, entry, value);
  }

  async delete(key: string): Promise<void> {
    await deleteKvEntry(this.#database, this.#key(key));
  }

  async *list(text: string): AsyncGenerator<KvKeySummary> {
    const prefix = checkKvPrefix(text);
    const limit = kvLimits.listKeys;
    let after: Uint8Array | undefined;
    for (;;) {
      const page = await listKvEntries(this.#database, { namespaceId: this.#id, prefix, after, limit });
      for (const entry of page) yield summary(decoder.decode(entry.key), entry);
      after = page.at(-1)?.key;
      if (page.length < limit) return;
    }
  }

  #key(text: string) {
    return { namespaceId: this.#id, key: checkKvKey(text) };
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

async function* once(value: Uint8Array): AsyncGenerator<Uint8Array> {
  yield value;
}

function summary(
  name: string,
  { expiresAt, metadata }: { readonly expiresAt: Date | null; readonly metadata: string | null },
): KvKeySummary {
  return {
    name,
    ...(expiresAt === null ? {} : { expiration: Math.floor(expiresAt.getTime() / 1_000) }),
    ...(metadata === null ? {} : { metadata: JSON.parse(metadata) as unknown }),
  };
}
