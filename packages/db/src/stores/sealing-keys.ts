import { OpenWorkersError } from "@openworkers/core";
import type { Queries, StoreDatabase } from "../database.ts";

export interface PublicSealingKey {
  readonly id: string;
  /** Raw uncompressed point of 65 bytes. */
  readonly publicKey: Uint8Array;
}

/** The key to seal with now, or `undefined` before a runner has registered one. */
export async function activeKey(queries: Queries): Promise<PublicSealingKey | undefined> {
  return queries
    .selectFrom("sealing_keys")
    .select(["id", "public_key as publicKey"])
    .where("retired_at", "is", null)
    .executeTakeFirst();
}

/** As `activeKey`, and it stays the active one until the transaction ends. */
export async function lockActiveKey(transaction: Queries): Promise<PublicSealingKey> {
  // A rotation that retires the key under our feet makes this statement wait, and then find no row; the
  // second look sees the new one.
  for (let attempt = 1; attempt <= 2; attempt++) {
    const key = await transaction
      .selectFrom("sealing_keys")
      .select(["id", "public_key as publicKey"])
      .where("retired_at", "is", null)
      .forShare()
      .executeTakeFirst();
    if (key !== undefined) return key;
  }
  throw new OpenWorkersError("SECRET_UNREADABLE", "The platform has no key to seal secrets with yet.", {
    hint: "Start the platform once (ow up), which makes the key.",
  });
}

/** Makes `key` the active one when there is none; returns which is. */
export async function registerKey(database: StoreDatabase, key: PublicSealingKey): Promise<PublicSealingKey> {
  return database.write(async (transaction) => {
    await transaction
      .insertInto("sealing_keys")
      .values({ id: key.id, public_key: key.publicKey })
      // Of two at once, one becomes the active key and the other finds it so.
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return lockActiveKey(transaction);
  });
}
