import type { Neighbours } from "./measures/neighbours.ts";
import { type Throughput, totalCpuUs } from "./measures/throughput.ts";
import { distribution, type Row } from "./report.ts";
import { median, percentile } from "./stats.ts";

/** What the platform adds to a request, held against the budgets. @throws Error without workerd and wrangler among `all` */
export function throughputRows(all: readonly Throughput[]): Row[] {
  const [platform, workerd, wrangler] = all;
  if (platform === undefined || workerd === undefined || wrangler === undefined) {
    throw new Error("the platform, workerd and wrangler dev must be among the contenders");
  }
  const proxyUs = platform.cpuUs.get("runner") ?? Number.NaN;
  const besideWorkerd = platform.requestsPerSecond / workerd.requestsPerSecond;
  const besideWrangler = platform.requestsPerSecond / wrangler.requestsPerSecond;
  return [
    {
      what: "CPU per request of the proxy, which is the runner",
      value: `${proxyUs.toFixed(0)} µs`,
      ...below(proxyUs, 60, "µs"),
    },
    {
      what: "CPU per request of everything on top of workerd",
      value: `${(totalCpuUs(platform) - totalCpuUs(workerd)).toFixed(0)} µs`,
    },
    {
      what: "throughput beside bare workerd",
      value: `${besideWorkerd.toFixed(2)} ×`,
      budget: "≥ 0.7 ×",
      ok: besideWorkerd >= 0.7,
    },
    {
      what: "throughput beside wrangler dev",
      value: `${besideWrangler.toFixed(1)} × (bare workerd ${(workerd.requestsPerSecond / wrangler.requestsPerSecond).toFixed(1)} ×)`,
      budget: "≥ 10 ×",
      ok: besideWrangler >= 10,
    },
  ];
}

export interface CellMeasurements {
  readonly killDelays: readonly number[];
  readonly deploys: readonly number[];
  readonly warmPool: readonly number[];
  readonly fromNothing: readonly number[];
  readonly memory: readonly number[];
}

export function cellRows(all: CellMeasurements): Row[] {
  return [
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
  ];
}

export function neighbourRows(neighbours: Neighbours): Row[] {
  const quiet = median(neighbours.quiet);
  const beside = median(neighbours.beside);
  return [
    {
      what: "a neighbour's p99, quiet → beside hostile workers",
      value: `${quiet.toFixed(2)} → ${beside.toFixed(2)} ms (${(beside / quiet).toFixed(1)} ×)`,
      budget: "≤ 2 ×",
      ok: beside <= 2 * quiet,
    },
  ];
}

function below(value: number, budget: number, unit: string): Pick<Row, "budget" | "ok"> {
  return { budget: `≤ ${budget} ${unit}`, ok: value <= budget };
}
