import { createClient } from "@openworkers/client";
import { codeForm } from "@openworkers/core";
import type { OpenWorkers } from "../contenders/openworkers.ts";
import { withCpu } from "../cpu.ts";
import { distribution, type Row } from "../report.ts";
import type { BenchSize } from "../size.ts";
import { median } from "../stats.ts";
import { load } from "../wrk.ts";

const connections = 8;
const scriptBytes = 100_000;
const listed = 50;

/** The API through its cell, Postgate and all: what it takes to list, to get and to deploy, as a signed-in caller. */
export async function measureApi(platform: OpenWorkers, { rounds, seconds }: BenchSize): Promise<Row[]> {
  const token = await firstAdmin(platform);
  const url = platform.url.replace(/\/$/, "");
  const host = platform.hostOf("api");
  const client = createClient({
    url,
    token,
    fetch: (request) => {
      request.headers.set("host", host);
      return fetch(request);
    },
  });
  for (let number = 0; number < listed; number++)
    await deploy(client, `bench-${number}`, `export default {}; // ${number}`);

  const gets: number[] = [];
  const deploys: number[] = [];
  const filler = "x".repeat(scriptBytes);
  for (let round = 0; round < rounds; round++) {
    for (let call = 0; call < 100; call++) gets.push(await time(() => client.fetch("/v1/workers/bench-0")));
    for (let version = 0; version < 5; version++) {
      const answer = `${round}-${version}`;
      const source = `export default { fetch: () => new Response("${answer}") }; // ${filler}`;
      deploys.push(
        await time(async () => {
          await deploy(client, "live", source);
          while ((await (await platform.fetch("live")).text()) !== answer) await Bun.sleep(1);
        }),
      );
    }
  }
  const busy = async (what: string, path: string): Promise<Row> => {
    const { result, cpuUs } = await withCpu(platform.pids, () =>
      load({
        url: `${url}${path}`,
        host,
        connections,
        seconds,
        headers: { authorization: `Bearer ${token}` },
      }),
    );
    const cpu = [...cpuUs].map(([role, us]) => `${role} ${(us / result.requests).toFixed(0)}`).join(" + ");
    const { requestsPerSecond, p50Ms, p99Ms } = result;
    return {
      what: `${what}, ${connections} connections`,
      value: `${requestsPerSecond.toFixed(0)} /s, p50 ${p50Ms.toFixed(1)}, p99 ${p99Ms.toFixed(1)} ms, CPU µs ${cpu}`,
    };
  };
  return [
    {
      what: "get a worker, one at a time",
      value: distribution(gets, "ms"),
      budget: "≤ 10 ms p50",
      ok: median(gets) <= 10,
    },
    {
      what: `deploy ${scriptBytes / 1_000} kB, until its first answer`,
      value: distribution(deploys, "ms"),
      budget: "≤ 300 ms p50",
      ok: median(deploys) <= 300,
    },
    await busy("get a worker", "/v1/workers/bench-0"),
    await busy(`list ${listed} workers`, `/v1/workers?limit=${listed}`),
  ];
}

async function deploy(
  client: ReturnType<typeof createClient>,
  worker: string,
  source: string,
): Promise<void> {
  const body = codeForm({
    modules: [{ name: "index.js", type: "esModule", content: new TextEncoder().encode(source) }],
    compatibilityDate: "2026-04-01",
    compatibilityFlags: [],
    sourceMaps: new Map(),
  });
  await (await client.fetch(`/v1/workers/${worker}/versions`, { method: "POST", body })).text();
}

/** Makes the platform's first admin by the link that it prints. Returns a session's token. */
async function firstAdmin(platform: OpenWorkers): Promise<string> {
  const link = /token=([\w-]+)/.exec(platform.output)?.[1];
  if (link === undefined)
    throw new Error(`the platform printed no link for the first admin:\n${platform.output}`);
  const response = await platform.fetch("api", "/v1/auth/setup?token=true", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token: link, email: "bench@example.com", password: crypto.randomUUID() }),
  });
  const text = await response.text();
  const { token }: { token?: unknown } = JSON.parse(text);
  if (typeof token !== "string")
    throw new Error(`no session for the first admin: ${response.status} ${text}`);
  return token;
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  const answer = await work();
  if (answer instanceof Response) await answer.arrayBuffer();
  return performance.now() - began;
}
