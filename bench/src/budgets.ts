import type { Neighbours } from "./measures/neighbours.ts";
import { type Throughput, totalCpuUs } from "./measures/throughput.ts";
import { distribution, type Row } from "./report.ts";
import { median, percentile } from "./stats.ts";

export interface Measurements {
  readonly throughput: readonly Throughput[];
  readonly neighbours: Neighbours;
  readonly killDelays: readonly number[];
  readonly deploys: readonly number[];
  readonly warmPool: readonly number[];
  readonly fromNothing: readonly number[];
  readonly memory: readonly number[];
}

/** Everything that has a budget, held against it. */
export function rows(all: Measurements): Row[] {
  const [platform, workerd, wrangler] = all.throughput;
  if (platform === undefined || workerd === undefined || wrangler === undefined) {
    throw new Error("the platform, workerd and wrangler dev must be among the contenders");
  }
  const proxyUs = totalCpuUs(platform) - totalCpuUs(workerd);
  const besideWorkerd = platform.requestsPerSecond / workerd.requestsPerSecond;
  const besideWrangler = platform.requestsPerSecond / wrangler.requestsPerSecond;
  const quiet = median(all.neighbours.quiet);
  const beside = median(all.neighbours.beside);
  const below = (value: number, budget: number, unit: string): Pick<Row, "budget" | "ok"> => ({
    budget: `≤ ${budget} ${unit}`,
    ok: value <= budget,
  });
  return [
    {
      what: "CPU per request on top of workerd",
      value: `${proxyUs.toFixed(0)} µs`,
      ...below(proxyUs, 60, "µs"),
    },
    {
      what: "throughput beside bare workerd",
      value: `${besideWorkerd.toFixed(2)} ×`,
      budget: "≥ 0.7 ×",
      ok: besideWorkerd >= 0.7,
    },
    {
      what: "throughput beside wrangler dev",
      value: `${besideWrangler.toFixed(1)} ×`,
      budget: "≥ 10 ×",
      ok: besideWrangler >= 10,
    },
    {
      what: "cold start, request to first byte, from a blank cell",
      value: distribution(all.warmPool, "ms"),
      ...below(median(all.warmPool), 40, "ms p50"),
    },
    { what: "cold start, request to first byte, from nothing", value: distribution(all.fromNothing, "ms") },
    {
      what: "private memory of an idle cell",
      value: distribution(all.memory, "MiB"),
      ...below(median(all.memory), 12, "MiB p50"),
    },
    {
      what: "deploy accepted to served",
      value: distribution(all.deploys, "ms"),
      ...below(percentile(all.deploys, 0.99), 150, "ms p99"),
    },
    {
      what: "endless loop: answered later than its limit by",
      value: distribution(all.killDelays, "ms"),
      ...below(percentile(all.killDelays, 0.99), 50, "ms p99"),
    },
    {
      what: "a neighbour's p99, quiet → beside hostile workers",
      value: `${quiet.toFixed(2)} → ${beside.toFixed(2)} ms (${(beside / quiet).toFixed(1)} ×)`,
      budget: "≤ 2 ×",
      ok: beside <= 2 * quiet,
    },
  ];
}
