/** `\x00ff` of bytes, as PostgreSQL writes them. */
export function hexOfBytes(bytes: Uint8Array): string {
  return `\\x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** The bytes of `\x00ff`. What is no such text gives what could be read of it. */
export function bytesOfHex(text: string): Uint8Array<ArrayBuffer> {
  const pairs = text.slice(2).match(/[0-9a-f]{2}/gi) ?? [];
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}
