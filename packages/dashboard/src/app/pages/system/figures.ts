import { formatBytes } from "../../ui/bytes.ts";

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
] as const;

/** 3 d 4 h, 5 m 12 s, 0 s: two units at most. */
export function formatSpan(ms: number): string {
  const parts: string[] = [];
  let left = ms;
  for (const [unit, length] of units) {
    const count = Math.floor(left / length);
    left -= count * length;
    if (count > 0) parts.push(`${count} ${unit}`);
    if (parts.length > 0 && (parts.length === 2 || count === 0)) break;
  }
  return parts.join(" ") || "0 s";
}

/** CPU time: 12 ms, 3.4 s, 2 m 5 s. */
export function formatCpu(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : formatSpan(ms);
}

export function formatFigure({
  value,
  unit,
}: {
  readonly value: number;
  readonly unit: "count" | "bytes" | "ms";
}): string {
  if (unit === "bytes") return formatBytes(value);
  return unit === "ms" ? formatCpu(value) : value.toLocaleString();
}
