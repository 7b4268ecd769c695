const counts = new Intl.NumberFormat();
const short = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

export function formatCount(value: number): string {
  return counts.format(value);
}

const timeUnits = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
] as const;

/** "30 s", "100 ms", in the largest unit of which it is one at least. */
export function formatDuration(ms: number): string {
  const [length, unit] = timeUnits.find(([each]) => ms >= each) ?? [1, "ms"];
  return `${short.format(ms / length)} ${unit}`;
}

/** "2.5 %" of a whole; nothing of none. */
export function formatShare(part: number, whole: number): string {
  return whole === 0 ? "–" : `${short.format((100 * part) / whole)} %`;
}
