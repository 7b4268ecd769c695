import type { Throughput } from "./measures/throughput.ts";
import { totalCpuUs } from "./measures/throughput.ts";
import { median, percentile } from "./stats.ts";

/** One line of the table: what was measured, and the budget it is held against. */
export interface Row {
  readonly what: string;
  readonly value: string;
  readonly budget?: string;
  /** Absent when there is no budget. */
  readonly ok?: boolean;
}

/** Lines up columns: the first to the left, the others to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(...[head, ...rows].map((row) => (row[column] ?? "").length), title.length),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [line(head), widths.map((width) => "─".repeat(width)).join("  "), ...rows.map(line)].join("\n");
}

/** @param what was asked for, and with what load */
export function throughputTable(results: readonly Throughput[], what = "hello world, wrk -t1 -c32"): string {
  return table(
    [what, "req/s", "±", "p50 ms", "p99 ms", "CPU µs/req", "of which", "others"],
    results.map((result) => [
      result.name,
      result.requestsPerSecond.toFixed(0),
      `${(result.spread * 100).toFixed(0)} %`,
      result.p50Ms.toFixed(2),
      result.p99Ms.toFixed(2),
      totalCpuUs(result).toFixed(0),
      [...result.cpuUs]
        .toSorted(([, a], [, b]) => b - a)
        .map(([role, us]) => `${role} ${us.toFixed(0)}`)
        .join(" + "),
      `${(result.others * 100).toFixed(0)} %`,
    ]),
  );
}

export function rowsTable(rows: readonly Row[]): string {
  return table(
    ["", "measured", "budget", ""],
    rows.map(({ what, value, budget = "", ok }) => [
      what,
      value,
      budget,
      ok === undefined ? "" : ok ? "ok" : "OVER",
    ]),
  );
}

/** `p50 12.3, p99 20.1 (11.0–25.0) ms, n = 30`. */
export function distribution(values: readonly number[], unit: string): string {
  const text = (value: number): string => value.toFixed(1);
  return (
    `p50 ${text(median(values))}, p99 ${text(percentile(values, 0.99))} ` +
    `(${text(Math.min(...values))}–${text(Math.max(...values))}) ${unit}, n = ${values.length}`
  );
}
