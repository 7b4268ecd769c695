import { createHash, createHmac, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";

const derive = promisify(pbkdf2);
// PostgreSQL's own default (scram-common.h, SCRAM_SHA_256_DEFAULT_ITERATIONS).
const iterations = 4_096;

/**
 * What PostgreSQL keeps of a password (RFC 5803), so that the password itself is in no statement that a server may
 * log. `password` must be ASCII, which SASLprep leaves as it is.
 */
export async function scramVerifier(password: string): Promise<string> {
  const salt = randomBytes(16);
  const salted = await derive(password, salt, iterations, 32, "sha256");
  const keyed = (text: string) => createHmac("sha256", salted).update(text).digest();
  const stored = createHash("sha256").update(keyed("Client Key")).digest("base64");
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${stored}:${keyed("Server Key").toString("base64")}`;
}
