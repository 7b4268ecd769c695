/** `850 ms`, `1.2 s`. */
export function formatMs(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

/** `2026-11-22 17:05:09` in UTC. */
export function formatTime(time: Date): string {
  return time.toISOString().slice(0, 19).replace("T", " ");
}

/** Left-aligned columns two spaces apart under upper-case headings; `empty` when there are no rows. */
export function formatTable(headings: readonly string[], rows: readonly string[][], empty: string): string {
  return formatColumns(
    headings.map((heading) => heading.toUpperCase()),
    rows,
    empty,
  );
}

/** As `formatTable`, with the headings as they are. */
export function formatColumns(headings: readonly string[], rows: readonly string[][], empty: string): string {
  if (rows.length === 0) return empty;
  const lines = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** `1.5 KiB`: binary units, one decimal place above bytes. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
