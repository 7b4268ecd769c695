const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;
const numbers = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const counts = new Intl.NumberFormat();

/** `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1_024 && unit < units.length - 1; unit++) value /= 1_024;
  return `${numbers.format(value)} ${units[unit]}`;
}

/** `12,345`. */
export function formatCount(count: number): string {
  return counts.format(count);
}

/** `0.4 ms`, `1.2 s`. */
export function formatMs(ms: number): string {
  return ms < 1_000 ? `${numbers.format(ms)} ms` : `${numbers.format(ms / 1_000)} s`;
}
