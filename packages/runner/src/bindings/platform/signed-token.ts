import { type BucketId, deriveSigningKey, isId, OpenWorkersError, type SealingKey } from "@openworkers/core";
import type { SecretKeys } from "@openworkers/db";
import { z } from "zod";

/** What a token lets do with one object, for whoever holds it. */
export interface SignedGrant {
  readonly bucketId: BucketId;
  readonly key: string;
  readonly method: "GET" | "PUT";
  /** Unix seconds. */
  readonly expiresAt: number;
}

/** As S3 has it: a week. */
export const maxSignedSeconds = 604_800;

const schema = z.strictObject({
  bucketId: z.custom<BucketId>((value) => isId<"bucket">(value)),
  key: z.string(),
  method: z.enum(["GET", "PUT"]),
  expiresAt: z.int(),
});

const purpose = "signed object requests";
const encoder = new TextEncoder();

/** Makes and reads tokens `<key id>.<grant>.<HMAC-SHA-256 of both>`, which every runner with the same secret keys understands. */
export class SignedTokens {
  readonly #secretKeys: Pick<SecretKeys, "keys">;
  readonly #derived = new WeakMap<SealingKey, Promise<CryptoKey>>();

  constructor(secretKeys: Pick<SecretKeys, "keys">) {
    this.#secretKeys = secretKeys;
  }

  async sign(grant: SignedGrant): Promise<string> {
    const [active] = this.#secretKeys.keys;
    if (active === undefined) throw new OpenWorkersError("SECRET_UNREADABLE", "There is no secret key.");
    const { bucketId, key, method, expiresAt } = grant;
    const payload = Buffer.from(JSON.stringify({ bucketId, key, method, expiresAt })).toString("base64url");
    const signed = `${active.id}.${payload}`;
    const mac = await crypto.subtle.sign("HMAC", await this.#keyOf(active), encoder.encode(signed));
    return `${signed}.${Buffer.from(mac).toString("base64url")}`;
  }

  /** @throws OpenWorkersError UNAUTHORIZED: forged, expired, or for another method; it does not say which */
  async verify(token: string, method: string): Promise<SignedGrant> {
    const [id = "", payload = "", mac = "", more] = token.split(".");
    const key = this.#secretKeys.keys.find((each) => each.id === id);
    if (key === undefined || more !== undefined) throw refused();
    // In constant time, which `verify` is.
    const genuine = await crypto.subtle.verify(
      "HMAC",
      await this.#keyOf(key),
      Buffer.from(mac, "base64url"),
      encoder.encode(`${id}.${payload}`),
    );
    if (!genuine) throw refused();
    const grant = schema.parse(JSON.parse(Buffer.from(payload, "base64url").toString("utf8")));
    if (grant.method !== method || grant.expiresAt * 1_000 <= Date.now()) throw refused();
    return grant;
  }

  #keyOf(key: SealingKey): Promise<CryptoKey> {
    let derived = this.#derived.get(key);
    if (derived === undefined) {
      derived = deriveSigningKey(key, purpose);
      this.#derived.set(key, derived);
    }
    return derived;
  }
}

function refused(): OpenWorkersError {
  return new OpenWorkersError("UNAUTHORIZED", "The signed address is not good, or not any more.", {
    hint: "Have a new one made.",
  });
}
