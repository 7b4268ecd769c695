import { OpenWorkersError } from "./errors.ts";
import type { BucketId, DatabaseId, EnvironmentId, MailId } from "./ids.ts";

/**
 * Sealing: anybody with the public key can write a secret, only the runner can read it.
 *
 * An ephemeral P-256 key agrees with the recipient's (ECDH); HKDF-SHA-256 makes of that a key for AES-256-GCM.
 * A sealed value is
 *
 *     1 byte   version of this format (1)
 *     8 bytes  id of the recipient's key
 *     65 bytes ephemeral public key, uncompressed point
 *     12 bytes nonce
 *     the ciphertext and its tag of 16 bytes
 *
 * Everything before the ciphertext and the place the value belongs to are authenticated with it.
 */
const formatVersion = 1;
const keyIdBytes = 8;
const pointBytes = 65;
const nonceBytes = 12;
const tagBytes = 16;
const headBytes = 1 + keyIdBytes + pointBytes + nonceBytes;

/** How many bytes sealing adds. */
export const sealingOverhead = headBytes + tagBytes;

const curve = { name: "ECDH", namedCurve: "P-256" } as const;
const keyPrefix = "owsk_";
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Where a sealed value belongs: it opens nowhere else. An environment's value, the keys of a bucket's server, the
 * passwords of a database, what a mail says.
 */
export type SealingContext =
  | { readonly environmentId: EnvironmentId; readonly name: string }
  | { readonly bucketId: BucketId }
  | { readonly databaseId: DatabaseId }
  | { readonly mailId: MailId };

/** A key pair that opens what was sealed for its public key. */
export interface SealingKey {
  /** First 8 bytes of the public key's SHA-256, lower-case hex. */
  readonly id: string;
  /** Raw uncompressed point of 65 bytes. */
  readonly publicKey: Uint8Array;
  readonly privateKey: CryptoKey;
}

/** A new key as the text that `parseSealingKey` reads. Whoever has it can read every secret sealed for it. */
export async function generateSealingKey(): Promise<string> {
  const pair = await crypto.subtle.generateKey(curve, true, ["deriveBits"]);
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  return keyPrefix + pkcs8.toBase64({ alphabet: "base64url", omitPadding: true });
}

/**
 * Reads a private key: `owsk_` and its PKCS #8 form in base64url.
 *
 * @throws OpenWorkersError CONFIG_INVALID; the message never holds the text.
 */
export async function parseSealingKey(text: string): Promise<SealingKey> {
  try {
    if (!text.startsWith(keyPrefix)) throw new Error(`it does not start with ${keyPrefix}`);
    const pkcs8 = Uint8Array.fromBase64(text.slice(keyPrefix.length), { alphabet: "base64url" });
    const exportable = await crypto.subtle.importKey("pkcs8", pkcs8, curve, true, ["deriveBits"]);
    const { x, y } = await crypto.subtle.exportKey("jwk", exportable);
    if (x === undefined || y === undefined) throw new Error("it holds no public key");
    const publicKey = concat([4], fromBase64url(x), fromBase64url(y));
    const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, curve, false, ["deriveBits"]);
    return { id: await sealingKeyId(publicKey), publicKey, privateKey };
  } catch (cause) {
    throw new OpenWorkersError("CONFIG_INVALID", "A secret key cannot be read.", {
      hint: "OW_SECRET_KEY holds one or several keys of the form owsk_…, separated by commas, the active one first.",
      cause,
    });
  }
}

/** The id of a public key. */
export async function sealingKeyId(publicKey: Uint8Array): Promise<string> {
  return (await digest(publicKey)).subarray(0, keyIdBytes).toHex();
}

/**
 * A key for HMAC-SHA-256 that only who has the private key can make: of its agreement with its own public key.
 *
 * @param purpose two with different ones have nothing in common
 */
export async function deriveSigningKey(
  { privateKey, publicKey }: SealingKey,
  purpose: string,
): Promise<CryptoKey> {
  const own = await crypto.subtle.importKey("raw", copy(publicKey), curve, false, []);
  const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: own }, privateKey, 256);
  const secret = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveKey"]);
  return crypto.subtle.deriveKey(
    {
      name: "HKDF",
      hash: "SHA-256",
      salt: copy(publicKey),
      info: encoder.encode(`openworkers signing key 1: ${purpose}`),
    },
    secret,
    { name: "HMAC", hash: "SHA-256", length: 256 },
    false,
    ["sign", "verify"],
  );
}

/** The id of the key that a value is sealed for. @throws OpenWorkersError SECRET_UNREADABLE when it is none. */
export function sealedFor(sealed: Uint8Array): string {
  if (sealed.byteLength < sealingOverhead) throw unreadable("it is too short to be a sealed value");
  if (sealed[0] !== formatVersion) throw unreadable(`its format ${sealed[0]} is not known to this release`);
  return sealed.subarray(1, 1 + keyIdBytes).toHex();
}

/** Seals a text for the owner of `publicKey`. Two seals of one text differ. */
export async function seal(
  publicKey: Uint8Array,
  plaintext: string,
  context: SealingContext,
): Promise<Uint8Array> {
  const recipient = await crypto.subtle.importKey("raw", copy(publicKey), curve, false, []);
  const ephemeral = await crypto.subtle.generateKey(curve, false, ["deriveBits"]);
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", ephemeral.publicKey));
  const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes));
  const keyId = (await digest(publicKey)).subarray(0, keyIdBytes);
  const head = concat([formatVersion], keyId, point, nonce);
  const key = await contentKey(ephemeral.privateKey, recipient, point, publicKey, "encrypt");
  const ciphertext = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv: nonce, additionalData: authenticated(head, context) },
    key,
    encoder.encode(plaintext),
  );
  return concat(head, new Uint8Array(ciphertext));
}

/**
 * Opens a sealed value with whichever of `keys` it was sealed for.
 *
 * @throws OpenWorkersError SECRET_UNREADABLE: none of the keys is the right one (`details.keyId` is), the value
 * was changed, or it was sealed for another environment or name.
 */
export async function open(
  keys: readonly SealingKey[],
  sealed: Uint8Array,
  context: SealingContext,
): Promise<string> {
  const keyId = sealedFor(sealed);
  const key = keys.find(({ id }) => id === keyId);
  if (key === undefined) {
    throw unreadable(`it was sealed for the key ${keyId}, which is not here`, {
      keyId,
      name: nameOf(context),
    });
  }
  const head = copy(sealed.subarray(0, headBytes));
  const point = copy(sealed.subarray(1 + keyIdBytes, 1 + keyIdBytes + pointBytes));
  try {
    const ephemeral = await crypto.subtle.importKey("raw", point, curve, false, []);
    const contents = await contentKey(key.privateKey, ephemeral, point, key.publicKey, "decrypt");
    const plaintext = await crypto.subtle.decrypt(
      {
        name: "AES-GCM",
        iv: head.subarray(headBytes - nonceBytes),
        additionalData: authenticated(head, context),
      },
      contents,
      copy(sealed.subarray(headBytes)),
    );
    return decoder.decode(plaintext);
  } catch (cause) {
    throw unreadable("it was changed, or sealed for another place", { name: nameOf(context) }, cause);
  }
}

async function contentKey(
  own: CryptoKey,
  other: CryptoKey,
  ephemeralPoint: Uint8Array,
  recipientPoint: Uint8Array,
  use: "encrypt" | "decrypt",
): Promise<CryptoKey> {
  const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: other }, own, 256);
  const secret = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveKey"]);
  return crypto.subtle.deriveKey(
    {
      name: "HKDF",
      hash: "SHA-256",
      // Binds the key to both sides, as RFC 9180 does with its kem_context.
      salt: concat(ephemeralPoint, recipientPoint),
      info: encoder.encode("openworkers sealed value 1"),
    },
    secret,
    { name: "AES-GCM", length: 256 },
    false,
    [use],
  );
}

// JSON of an array: no two contexts have the same text, whatever characters a name holds.
function authenticated(head: Uint8Array, context: SealingContext): Uint8Array<ArrayBuffer> {
  return concat(head, encoder.encode(JSON.stringify(placeOf(context))));
}

function placeOf(context: SealingContext): string[] {
  if ("bucketId" in context) return [context.bucketId];
  if ("mailId" in context) return [context.mailId];
  return "databaseId" in context ? [context.databaseId] : [context.environmentId, context.name];
}

function nameOf(context: SealingContext): string {
  if ("mailId" in context) return `mail ${context.mailId}`;
  if ("bucketId" in context) return `keys of bucket ${context.bucketId}`;
  return "databaseId" in context ? `passwords of database ${context.databaseId}` : context.name;
}

async function digest(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", copy(bytes)));
}

function concat(...parts: (Uint8Array | readonly number[])[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** WebCrypto takes no view of a buffer that might be shared between threads. */
function copy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

function fromBase64url(text: string): Uint8Array {
  return Uint8Array.fromBase64(text, { alphabet: "base64url" });
}

function unreadable(why: string, details?: Record<string, unknown>, cause?: unknown): OpenWorkersError {
  const name = typeof details?.name === "string" ? ` "${details.name}"` : "";
  return new OpenWorkersError("SECRET_UNREADABLE", `The secret${name} cannot be opened: ${why}.`, {
    hint: "Give this process the key in OW_SECRET_KEY or its data directory, or set the secret again.",
    ...(details === undefined ? {} : { details }),
    cause,
  });
}
