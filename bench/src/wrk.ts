import { join } from "node:path";

export interface Load {
  readonly url: string;
  readonly host: string;
  readonly connections: number;
  readonly seconds: number;
  /** Milliseconds that each connection rests before each request: a steady load instead of a full one. */
  readonly pauseMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** CPU time of `wrk` itself. */
  readonly wrkCpuUs: number;
}

/** Runs `wrk` with one thread. Throws when any answer was not 2xx or 3xx, or a connection failed: such a run measures nothing. */
export async function load({
  url,
  host,
  connections,
  seconds,
  pauseMs = 0,
  headers = {},
}: Load): Promise<LoadResult> {
  const script = join(import.meta.dir, "wrk.lua");
  const wrk = Bun.spawn(
    [
      ...["wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "-s", script, "-H", `Host: ${host}`],
      ...Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
      url,
    ],
    {
      env: { ...process.env, BENCH_PAUSE_MS: String(pauseMs) },
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  const [code, out, err] = await Promise.all([wrk.exited, wrk.stdout.text(), wrk.stderr.text()]);
  const line = out.split("\n").find((text) => text.startsWith('{"requests"'));
  if (code !== 0 || line === undefined) throw new Error(`wrk on ${host} ended with ${code}: ${out}${err}`);
  const result: Record<string, number> = JSON.parse(line);
  const { requests = 0, durationUs = 0, p50Us = 0, p99Us = 0, maxUs = 0, badStatus, socketErrors } = result;
  if (requests === 0 || badStatus !== 0 || socketErrors !== 0) {
    throw new Error(
      `${host}: ${requests} requests, ${badStatus} bad answers, ${socketErrors} socket errors.`,
    );
  }
  return {
    requests,
    requestsPerSecond: requests / (durationUs / 1e6),
    p50Ms: p50Us / 1e3,
    p99Ms: p99Us / 1e3,
    maxMs: maxUs / 1e3,
    wrkCpuUs: Number(wrk.resourceUsage()?.cpuTime.total ?? 0),
  };
}
