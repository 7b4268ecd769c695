import { OpenWorkersError, type SealingKey, seal, type UserId } from "@openworkers/core";
import { sql } from "kysely";
import type { Database, Queries } from "../database.ts";
import { audit } from "../stores/audit.ts";
import { type PublicSealingKey, registerKey } from "../stores/sealing-keys.ts";
import type { SecretKeys } from "./secret-keys.ts";

// Rotations of one platform come one after the other. Any number that nothing else in the database uses.
const lockKey = 7_264_002;

/**
 * Tells the database which key to seal with, when it knows none yet; returns which it is. To be called when a
 * platform starts.
 *
 * @throws OpenWorkersError SECRET_UNREADABLE when secrets are sealed with a key that is not among `keys`.
 */
export async function registerSealingKey(
  database: Database,
  secretKeys: SecretKeys,
): Promise<PublicSealingKey> {
  const [newest] = secretKeys.keys;
  if (newest === undefined) throw new OpenWorkersError("CONFIG_INVALID", "There is no secret key.");
  const active = await registerKey(database, newest);
  if (!secretKeys.keys.some(({ id }) => id === active.id)) {
    throw new OpenWorkersError(
      "SECRET_UNREADABLE",
      `This platform's secrets are sealed with the key ${active.id}, which is not here.`,
      {
        hint: "Put the key into OW_SECRET_KEY, or the file secret-key back into the data directory.",
        details: { keyId: active.id },
      },
    );
  }
  return active;
}

/**
 * Seals every secret anew with a new key, retires the old one, and returns the new key's id and how many
 * secrets there were. Values stay what they are, so no worker restarts. Killed between any two steps, it leaves
 * every secret readable, and the next rotation goes on from there:
 *
 * 1. the new key is in the file, beside the old one;
 * 2. the database changes over in one transaction;
 * 3. the file keeps the new key and the one before it, for runners that read a value just before.
 *
 * @throws OpenWorkersError CONFIG_INVALID (OW_SECRET_KEY holds no new key), SECRET_UNREADABLE (a secret cannot be
 * opened; nothing is changed), DATABASE_UNAVAILABLE.
 */
export async function rotateSealingKey(
  database: Database,
  secretKeys: SecretKeys,
  by: UserId,
): Promise<{ keyId: string; resealed: number }> {
  return database.exclusively(lockKey, async () => {
    await secretKeys.reload();
    const next = (await unusedKey(database, secretKeys)) ?? (await secretKeys.add());
    const { retired, resealed } = await database.write((transaction) =>
      reseal(transaction, secretKeys, next, by),
    );
    await secretKeys.keepOnly(new Set([next.id, ...retired]));
    return { keyId: next.id, resealed };
  });
}

/**
 * A key that was put there for a rotation, by the operator or by one that was killed. Only the newest can be
 * one: an older key that the database does not know is one that it has forgotten.
 */
async function unusedKey(
  database: Database,
  { keys: [newest] }: SecretKeys,
): Promise<SealingKey | undefined> {
  const known = await database.read((queries) => queries.selectFrom("sealing_keys").select("id").execute());
  // Before a first key is registered, none is new.
  if (newest === undefined || known.length === 0 || known.some(({ id }) => id === newest.id))
    return undefined;
  return newest;
}

async function reseal(
  transaction: Queries,
  secretKeys: SecretKeys,
  next: SealingKey,
  by: UserId,
): Promise<{ retired: string[]; resealed: number }> {
  // Waits for those who are writing a secret with the old key, and makes later ones take the new.
  const retired = await transaction
    .updateTable("sealing_keys")
    .set({ retired_at: new Date() })
    .where("retired_at", "is", null)
    .returning("id")
    .execute();
  await transaction.insertInto("sealing_keys").values({ id: next.id, public_key: next.publicKey }).execute();
  await sql`select set_config('openworkers.resealing', 'on', true)`.execute(transaction);
  const secrets = await transaction
    .selectFrom("environment_values")
    .select(["environment_id as environmentId", "name", "sealed"])
    .where("kind", "=", "secret")
    .orderBy("environment_id")
    .orderBy("name")
    .forUpdate()
    .execute();
  for (const { environmentId, name, sealed } of secrets) {
    if (sealed === null) continue;
    const context = { environmentId, name };
    const plaintext = await secretKeys.open(sealed, context);
    await transaction
      .updateTable("environment_values")
      .set({ sealed: await seal(next.publicKey, plaintext, context), key_id: next.id })
      .where("environment_id", "=", environmentId)
      .where("name", "=", name)
      .execute();
  }
  const resealed =
    secrets.length +
    (await resealBuckets(transaction, secretKeys, next)) +
    (await resealDatabases(transaction, secretKeys, next)) +
    (await resealMails(transaction, secretKeys, next));
  await audit(transaction, by, "sealing_key.rotate", next.id, { resealed });
  return { retired: retired.map(({ id }) => id), resealed };
}

/** The keys to users' own S3 servers; returns how many there were. */
async function resealBuckets(
  transaction: Queries,
  secretKeys: SecretKeys,
  next: SealingKey,
): Promise<number> {
  const buckets = await transaction
    .selectFrom("storage_buckets")
    .select(["id", "s3_sealed as sealed"])
    .where("s3_sealed", "is not", null)
    .orderBy("id")
    .forUpdate()
    .execute();
  for (const { id, sealed } of buckets) {
    if (sealed === null) continue;
    const context = { bucketId: id };
    const plaintext = await secretKeys.open(sealed, context);
    await transaction
      .updateTable("storage_buckets")
      .set({ s3_sealed: await seal(next.publicKey, plaintext, context), s3_key_id: next.id })
      .where("id", "=", id)
      .execute();
  }
  return buckets.length;
}

/** The passwords of tenant databases; returns how many there were. */
async function resealDatabases(
  transaction: Queries,
  secretKeys: SecretKeys,
  next: SealingKey,
): Promise<number> {
  const databases = await transaction
    .selectFrom("databases")
    .select(["id", "sealed"])
    .where("sealed", "is not", null)
    .orderBy("id")
    .forUpdate()
    .execute();
  for (const { id, sealed } of databases) {
    if (sealed === null) continue;
    const context = { databaseId: id };
    const plaintext = await secretKeys.open(sealed, context);
    await transaction
      .updateTable("databases")
      .set({ sealed: await seal(next.publicKey, plaintext, context), key_id: next.id })
      .where("id", "=", id)
      .execute();
  }
  return databases.length;
}

/** What mails say that are not sent yet; returns how many there were. */
async function resealMails(transaction: Queries, secretKeys: SecretKeys, next: SealingKey): Promise<number> {
  const mails = await transaction
    .selectFrom("identity.mails")
    .select(["id", "sealed"])
    .where("sealed", "is not", null)
    .orderBy("id")
    .forUpdate()
    .execute();
  for (const { id, sealed } of mails) {
    if (sealed === null) continue;
    const context = { mailId: id };
    const plaintext = await secretKeys.open(sealed, context);
    await transaction
      .updateTable("identity.mails")
      .set({ sealed: await seal(next.publicKey, plaintext, context), key_id: next.id })
      .where("id", "=", id)
      .execute();
  }
  return mails.length;
}
