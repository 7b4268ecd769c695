const perLine = 16;

/** `00000010  48 65 6c 6c 6f …  Hello…`, sixteen bytes a line, the first `most` of them. */
export function hexDump(bytes: Uint8Array, most: number): string {
  const lines: string[] = [];
  const end = Math.min(bytes.length, most);
  for (let at = 0; at < end; at += perLine) {
    const row = bytes.subarray(at, Math.min(at + perLine, end));
    const hex = [...row].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = [...row]
      .map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "."))
      .join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${hex.padEnd(perLine * 3 - 1)}  ${text}`);
  }
  if (bytes.length > end) lines.push(`… ${bytes.length - end} more bytes`);
  return lines.join("\n");
}

const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

/** "812 bytes", "1.5 KB", "3 MB". */
export function formatBytes(bytes: number): string {
  if (bytes < 1_024) return `${bytes} ${bytes === 1 ? "byte" : "bytes"}`;
  return bytes < 1_048_576 ? `${number.format(bytes / 1_024)} KB` : `${number.format(bytes / 1_048_576)} MB`;
}
