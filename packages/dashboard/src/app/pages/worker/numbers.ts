const whole = new Intl.NumberFormat();
const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const one = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const two = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
const percent = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 2 });

/** "1,204", and "1.2M" from ten thousand on. */
export function formatCount(count: number): string {
  return count < 10_000 ? whole.format(count) : compact.format(count);
}

/** "0.42 ms", "12.5 ms", "1.25 s". */
export function formatMs(ms: number): string {
  if (ms >= 1_000) return `${two.format(ms / 1_000)} s`;
  return `${ms >= 10 ? one.format(ms) : two.format(ms)} ms`;
}

/** "812 B", "4.2 KiB", "1.5 MiB". */
export function formatBytes(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  const kib = bytes / 1_024;
  return kib < 1_024 ? `${one.format(kib)} KiB` : `${one.format(kib / 1_024)} MiB`;
}

/** "0.5%"; "0%" of none. */
export function formatShare(part: number, of: number): string {
  return percent.format(of === 0 ? 0 : part / of);
}
