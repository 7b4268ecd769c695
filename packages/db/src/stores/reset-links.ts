import { createHash } from "node:crypto";
import { newId, OpenWorkersError } from "@openworkers/core";
import type { StoreDatabase } from "../database.ts";

/** As long as that of a mail. */
const resetLinkHours = 1;

export interface ResetLink {
  /** 256 random bits in base64url: whoever has it chooses the person's password, once. */
  readonly token: string;
  readonly expiresAt: Date;
}

/**
 * Makes a link to choose another password, for an operator to hand on where no mail is sent. It is one as the identity
 * worker makes them, and good for the same route.
 *
 * @throws OpenWorkersError NOT_FOUND when nobody has this e-mail
 */
export async function createResetLink(database: StoreDatabase, email: string): Promise<ResetLink> {
  const token = crypto
    .getRandomValues(new Uint8Array(32))
    .toBase64({ alphabet: "base64url", omitPadding: true });
  const expiresAt = new Date(Date.now() + resetLinkHours * 3_600_000);
  await database.write(async (transaction) => {
    const user = await transaction
      .selectFrom("identity.users")
      .select("id")
      .where("email", "=", email.toLowerCase())
      .executeTakeFirst();
    if (user === undefined) throw new OpenWorkersError("NOT_FOUND", `Nobody has the e-mail ${email}.`);
    await transaction
      .insertInto("identity.verifications")
      .values({
        id: newId(),
        identifier: hashOf(`reset-password:${token}`),
        value: user.id,
        expires_at: expiresAt,
      })
      .execute();
  });
  return { token, expiresAt };
}

/** What better-auth stores of an identifier (`verification.storeIdentifier` is `hashed`). */
function hashOf(identifier: string): string {
  return createHash("sha256").update(identifier).digest("base64url");
}
