import type { OpenWorkers } from "../contenders/openworkers.ts";
import { withCpu } from "../cpu.ts";
import { distribution, type Row } from "../report.ts";
import { median } from "../stats.ts";
import { load } from "../wrk.ts";

/** More would be told from a loop by their CPU time only with a limit of their own. */
const calls = 100;
/** Until the compilers of both sides are done: the first 5,000 calls take half as long again as the ones after. */
const warmUps = 50;
const connections = 32;

export interface RpcSize {
  readonly rounds: number;
  readonly seconds: number;
}

/** A method of another worker called through a service binding, and its `fetch`, from inside a worker. */
export async function measureRpc(platform: OpenWorkers, { rounds, seconds }: RpcSize): Promise<Row[]> {
  const workerId = await platform.deployFile("rpc-callee", "rpc-callee.js");
  await platform.untilServed("rpc-callee");
  await platform.deployFile("rpc", "rpc.js", new Map([["CALLEE", { kind: "worker", workerId }]]));
  await platform.untilServed("rpc");

  const called: number[] = [];
  const fetched: number[] = [];
  for (let round = 0; round < warmUps; round++) await perCall(platform, "/");
  for (let round = 0; round < rounds * 10; round++) {
    called.push(await perCall(platform, "/"));
    fetched.push(await perCall(platform, "/fetch"));
  }
  const { result, cpuUs } = await withCpu(platform.pids, () =>
    load({ url: platform.url, host: platform.hostOf("rpc"), connections, seconds }),
  );
  const cpu = [...cpuUs].map(([role, us]) => `${role} ${(us / result.requests).toFixed(0)}`).join(" + ");
  return [
    {
      what: "RPC call, in sequence, inside a worker",
      value: distribution(called, "ms"),
      budget: "≤ 1 ms p50",
      ok: median(called) <= 1,
    },
    {
      what: "fetch through a service binding, in sequence, inside a worker",
      value: distribution(fetched, "ms"),
    },
    {
      what: `requests with an RPC call, ${connections} connections`,
      value: `${result.requestsPerSecond.toFixed(0)} /s, p50 ${result.p50Ms.toFixed(1)} ms, CPU µs ${cpu}`,
    },
  ];
}

/** Milliseconds of one call among a hundred, without the request around them. */
async function perCall(platform: OpenWorkers, path: string): Promise<number> {
  const one = await time(platform, path);
  return ((await time(platform, `${path}?sequential=${calls}`)) - one) / calls;
}

async function time(platform: OpenWorkers, path: string): Promise<number> {
  const began = performance.now();
  const response = await platform.fetch("rpc", path);
  const text = await response.text();
  if (!response.ok) throw new Error(`the worker rpc answered ${response.status}: ${text}`);
  return performance.now() - began;
}
