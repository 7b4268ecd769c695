import type { Contender } from "../contenders/contender.ts";
import { type CpuByRole, withCpu } from "../cpu.ts";
import { withDisturbance } from "../disturbance.ts";
import { median, spread } from "../stats.ts";
import { type LoadResult, load } from "../wrk.ts";

/** As many as keep a single-threaded server busy without a queue that hides its latency. */
const connections = 32;

export interface Throughput {
  readonly name: string;
  readonly requestsPerSecond: number;
  readonly spread: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU microseconds per request by role: the median over the rounds. */
  readonly cpuUs: ReadonlyMap<string, number>;
  /** Share of the machine (0–1) that neither the contender nor the load took: it should be near 0. */
  readonly others: number;
}

interface Round {
  readonly load: LoadResult;
  readonly cpuUs: CpuByRole;
  readonly others: number;
}

/**
 * The same request against every contender in turn, `rounds` times: what disturbs the machine for a while then
 * disturbs all of them.
 */
export async function measureThroughput(
  contenders: readonly Contender[],
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<Throughput[]> {
  const results = new Map<Contender, Round[]>(contenders.map((contender) => [contender, []]));
  for (const { url, host } of contenders) await load({ url, host, connections, seconds: 1 });
  for (let round = 0; round < rounds; round++) {
    for (const contender of contenders) {
      const { url, host, pids } = contender;
      const { result, others } = await withDisturbance(
        () => withCpu(pids, () => load({ url, host, connections, seconds })),
        ({ result, cpuUs }) => result.wrkCpuUs + sum(cpuUs.values()),
      );
      results.get(contender)?.push({ load: result.result, cpuUs: result.cpuUs, others });
    }
  }
  return [...results].map(([{ name }, all]) => summary(name, all));
}

function summary(name: string, rounds: readonly Round[]): Throughput {
  const rates = rounds.map(({ load }) => load.requestsPerSecond);
  const roles = new Set(rounds.flatMap(({ cpuUs }) => [...cpuUs.keys()]));
  const cpuUs = new Map<string, number>();
  for (const role of roles) {
    const perRequest = median(rounds.map(({ load, cpuUs }) => (cpuUs.get(role) ?? 0) / load.requests));
    if (perRequest >= 0.5) cpuUs.set(role, perRequest);
  }
  return {
    name,
    requestsPerSecond: median(rates),
    spread: spread(rates),
    p50Ms: median(rounds.map(({ load }) => load.p50Ms)),
    p99Ms: median(rounds.map(({ load }) => load.p99Ms)),
    cpuUs,
    others: median(rounds.map(({ others }) => others)),
  };
}

export function totalCpuUs({ cpuUs }: Throughput): number {
  return sum(cpuUs.values());
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
