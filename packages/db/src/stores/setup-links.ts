import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { StoreDatabase } from "../database.ts";
import { listPeople } from "./people.ts";

/** How long one lets in. */
const setupLinkHours = 24;

export interface SetupLink {
  /** 256 random bits in base64url: whoever has it makes themselves an operator, once. */
  readonly token: string;
  readonly expiresAt: Date;
}

/** Whether anybody who can sign in is an operator. The operator whom `ow` acts as on this machine cannot. */
export async function hasAdmin(database: StoreDatabase): Promise<boolean> {
  return (await listPeople(database)).some(({ isOperator }) => isOperator);
}

/** Makes a one-time link, instead of all that were made before: what was printed once and not used is good no more. */
export async function createSetupLink(database: StoreDatabase): Promise<SetupLink> {
  const token = crypto
    .getRandomValues(new Uint8Array(32))
    .toBase64({ alphabet: "base64url", omitPadding: true });
  const hash = createHash("sha256").update(token).digest();
  const expiresAt = new Date(Date.now() + setupLinkHours * 3_600_000);
  await database.write(async (transaction) => {
    await sql`delete from identity.setup_links`.execute(transaction);
    await sql`insert into identity.setup_links (hash, expires_at) values (${hash}, ${expiresAt})`.execute(
      transaction,
    );
  });
  return { token, expiresAt };
}
