/** 256 random bits in base64url, after a prefix that secret scanners can look for. */
export function newToken(prefix = ""): string {
  return prefix + Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
}

/** What the database keeps of a token. */
export async function tokenHash(token: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token)));
}

/** The same as lower-case hex. */
export async function tokenHashHex(token: string): Promise<string> {
  return Buffer.from(await tokenHash(token)).toString("hex");
}
