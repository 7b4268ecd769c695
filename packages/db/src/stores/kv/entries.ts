import { type KvNamespaceId, OpenWorkersError } from "@openworkers/core";
import type { DatabaseAccess } from "../../database.ts";

/** What lies in its entry's row, and so in the memory of whoever reads it; larger values are read and written in parts. */
export const maxInlineBytes = 64 * 1_024;

export interface KvKey {
  readonly namespaceId: KvNamespaceId;
  /** In UTF-8. */
  readonly key: Uint8Array;
}

export interface KvEntry {
  /** Bytes of the value. */
  readonly size: number;
  /** The value of a small entry. */
  readonly value: Uint8Array | null;
  /** Where a large one's value is: for `readKvValue`. */
  readonly valueId: string | null;
  /** JSON text. */
  readonly metadata: string | null;
  readonly expiresAt: Date | null;
}

/** What a put says of an entry beside its value. */
export interface KvPut extends KvKey {
  readonly metadata: string | undefined;
  readonly expiresAt: Date | undefined;
}

const live = "(expires_at is null or expires_at > now())";

const columns = `size, value, value_id as "valueId", metadata, expires_at as "expiresAt"`;

// What a get by itself runs: half the work of the one below.
const readOneStatement = {
  name: "kv_read_one",
  text: `select ${columns} from kv_entries where namespace_id = $1 and key = $2 and ${live}`,
};

// The lateral query has an index scan for each key, whatever the planner thinks of arrays.
const readStatement = {
  name: "kv_read",
  text: `
    select wanted.index::int, entry.*
    from unnest($1::uuid[], $2::bytea[]) with ordinality as wanted (namespace_id, key, index)
    cross join lateral (
      select ${columns}
      from kv_entries
      where namespace_id = wanted.namespace_id and key = wanted.key and ${live}
      limit 1
    ) as entry`,
};

/** The entries of these keys, in their order, as one moment had them; undefined for one that is not there or has expired. */
export async function readKvEntries(
  database: DatabaseAccess,
  keys: readonly KvKey[],
): Promise<(KvEntry | undefined)[]> {
  const [only] = keys;
  if (keys.length === 1 && only !== undefined) {
    return [(await database.prepared<KvEntry>(readOneStatement, [only.namespaceId, only.key]))[0]];
  }
  const rows = await database.prepared<KvEntry & { index: number }>(readStatement, [
    keys.map(({ namespaceId }) => namespaceId),
    keys.map(({ key }) => key),
  ]);
  const found = new Array<KvEntry | undefined>(keys.length).fill(undefined);
  for (const { index, ...entry } of rows) found[index - 1] = entry;
  return found;
}

const putStatement = {
  name: "kv_put",
  text: `
    insert into kv_entries (namespace_id, key, value, size, metadata, expires_at)
    values ($1, $2, $3, length($3::bytea), $4, $5)
    on conflict (namespace_id, key) do update
    set value = excluded.value, value_id = null, size = excluded.size,
      metadata = excluded.metadata, expires_at = excluded.expires_at`,
};

/**
 * Puts an entry with a value of up to `maxInlineBytes`, in the place of the one that is there.
 *
 * @throws OpenWorkersError NOT_FOUND when the namespace is gone.
 */
export async function putKvEntry(
  database: DatabaseAccess,
  { namespaceId, key, metadata, expiresAt }: KvPut,
  value: Uint8Array,
): Promise<void> {
  await withNamespace(
    database.prepared(putStatement, [namespaceId, key, value, metadata ?? null, expiresAt ?? null]),
  );
}

/** @throws OpenWorkersError NOT_FOUND in the place of the error for a namespace that is gone. */
export async function withNamespace<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    if (
      thrown instanceof OpenWorkersError &&
      /^kv_(entries|values)_namespace_id_fkey$/.test(String(thrown.details?.constraint))
    ) {
      throw new OpenWorkersError("NOT_FOUND", "The KV namespace was deleted.", { cause: thrown });
    }
    throw thrown;
  }
}

const deleteStatement = {
  name: "kv_delete",
  text: "delete from kv_entries where namespace_id = $1 and key = $2",
};

/** Deletes an entry, if it is there. */
export async function deleteKvEntry(database: DatabaseAccess, { namespaceId, key }: KvKey): Promise<void> {
  await database.prepared(deleteStatement, [namespaceId, key]);
}

export interface KvListed {
  readonly key: Uint8Array;
  readonly metadata: string | null;
  readonly expiresAt: Date | null;
}

const listText = (comparison: ">" | ">=") => `
    select key, metadata, expires_at as "expiresAt"
    from kv_entries
    where namespace_id = $1 and key ${comparison} $2 and ($3::bytea is null or key < $3) and ${live}
    order by key
    limit $4`;
const listFrom = { name: "kv_list_from", text: listText(">=") };
const listAfter = { name: "kv_list_after", text: listText(">") };

/** Up to `limit` entries in the order of their keys: those that begin with `prefix` and come after `after`. */
export async function listKvEntries(
  database: DatabaseAccess,
  {
    namespaceId,
    prefix,
    after,
    limit,
  }: {
    readonly namespaceId: KvNamespaceId;
    readonly prefix: Uint8Array;
    readonly after: Uint8Array | undefined;
    readonly limit: number;
  },
): Promise<KvListed[]> {
  return database.prepared<KvListed>(after === undefined ? listFrom : listAfter, [
    namespaceId,
    after ?? prefix,
    afterPrefix(prefix),
    limit,
  ]);
}

/** The first key that comes after all that begin with `prefix`; null when there is none. */
function afterPrefix(prefix: Uint8Array): Uint8Array | null {
  const last = prefix.findLastIndex((byte) => byte < 0xff);
  if (last < 0) return null;
  const next = prefix.slice(0, last + 1);
  next[last] = (next[last] ?? 0) + 1;
  return next;
}
