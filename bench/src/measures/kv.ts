import type { OpenWorkers } from "../contenders/openworkers.ts";
import { withCpu } from "../cpu.ts";
import { distribution, type Row } from "../report.ts";
import { median } from "../stats.ts";
import { load } from "../wrk.ts";

const valueBytes = 1_000;
const connections = 32;

export interface KvSize {
  readonly rounds: number;
  readonly seconds: number;
}

/** KV `get` of 1 kB from inside a worker beside the same row selected directly, by this process through `pg`. */
export async function measureKv(platform: OpenWorkers, { rounds, seconds }: KvSize): Promise<Row[]> {
  const kv = await platform.kvNamespace("bench");
  await kv.put("key-1", new Uint8Array(valueBytes).fill(120));
  await platform.deployFile("kv", "kv.js", new Map([["KV", kv.binding]]));
  await platform.untilServed("kv");

  const inside: number[] = [];
  const direct: number[] = [];
  for (let round = 0; round < rounds; round++) {
    inside.push(await perGet(platform));
    direct.push(await perSelect(kv.select));
  }
  const host = platform.hostOf("kv");
  const throughput = (path: string) =>
    withCpu(platform.pids, () => load({ url: `${platform.url}${path}`, host, connections, seconds }));
  const single = await throughput("");
  const many = await throughput("?parallel=9");
  const selects = await selectsPerSecond(kv.select, seconds);
  const perSecond = single.result.requestsPerSecond;
  const manyPerSecond = many.result.requestsPerSecond * 10;
  const cpu = [...single.cpuUs]
    .map(([role, us]) => `${role} ${(us / single.result.requests).toFixed(0)}`)
    .join(" + ");
  return [
    {
      what: "KV get of 1 kB, in sequence, inside a worker",
      value: distribution(inside, "ms"),
      budget: "≤ 1 ms p50",
      ok: median(inside) <= 1,
    },
    { what: "the same row, selected directly, in sequence", value: distribution(direct, "ms") },
    {
      what: `requests with a KV get, ${connections} connections`,
      value: `${perSecond.toFixed(0)} /s, p50 ${single.result.p50Ms.toFixed(1)} ms, CPU µs ${cpu}`,
      budget: "≥ 5,000 /s",
      ok: perSecond >= 5_000,
    },
    {
      what: "KV gets, ten at once per request",
      value: `${manyPerSecond.toFixed(0)} /s`,
      budget: "≥ 5,000 /s",
      ok: manyPerSecond >= 5_000,
    },
    { what: `the same row, selected directly, ${connections} at once`, value: `${selects.toFixed(0)} /s` },
  ];
}

/** Milliseconds of one get among a hundred, without the request around them. */
async function perGet(platform: OpenWorkers): Promise<number> {
  const count = 100;
  const one = await time(async () => void (await (await platform.fetch("kv", "/")).text()));
  const more = await time(
    async () => void (await (await platform.fetch("kv", `/?sequential=${count}`)).text()),
  );
  return (more - one) / count;
}

async function perSelect(select: () => Promise<unknown>): Promise<number> {
  const count = 100;
  const all = await time(async () => {
    for (let index = 0; index < count; index++) await select();
  });
  return all / count;
}

async function selectsPerSecond(select: () => Promise<unknown>, seconds: number): Promise<number> {
  let selects = 0;
  const end = performance.now() + seconds * 1_000;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (performance.now() < end) {
        await select();
        selects += 1;
      }
    }),
  );
  return selects / seconds;
}

async function time(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
