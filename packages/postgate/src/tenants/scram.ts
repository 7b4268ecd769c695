import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";

/**
 * Iterations are what makes a password that people think of slow to guess. These have 256 random bits, and nobody tries
 * them all at whatever speed; but PostgreSQL computes all iterations when it is given a verifier (to see that it is not
 * the empty password's), and we do for each connection: 4,096 cost 4 ms a role and 2 ms a login.
 */
const iterations = 1;

/**
 * What PostgreSQL keeps of a password (RFC 5803), so that the password itself is in no statement that a server may
 * log. `password` must be random, all of it, and ASCII, which SASLprep leaves as it is.
 */
export function scramVerifier(password: string): string {
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256");
  const keyed = (text: string) => createHmac("sha256", salted).update(text).digest();
  const stored = createHash("sha256").update(keyed("Client Key")).digest("base64");
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${stored}:${keyed("Server Key").toString("base64")}`;
}
