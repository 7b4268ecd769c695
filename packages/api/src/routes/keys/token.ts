/** 256 random bits in base64url, after what secret scanners know such a token by. */
export function newToken(prefix: string): string {
  return prefix + Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
}
