import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Contender } from "../contenders/contender.ts";
import { nginx } from "../contenders/nginx.ts";
import { OpenWorkers } from "../contenders/openworkers.ts";
import { rowsTable, throughputTable } from "../report.ts";
import { measureThroughput } from "./throughput.ts";

const fileBytes = 10_240;

/** A file of 10 KB from the platform's ingress and from nginx, and the budget for it; lines for the report. */
export async function benchAssets(size: { rounds: number; seconds: number }): Promise<string[]> {
  await using parts = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "ow-site-"));
  parts.defer(() => rm(folder, { recursive: true }));
  // Text that compresses as text does, though neither is asked to.
  const lines = Array.from(
    { length: 400 },
    (_, index) => `line ${index} ${String(Bun.hash(String(index)))}\n`,
  );
  await Bun.write(join(folder, "index.html"), "<!doctype html><title>site</title>");
  await Bun.write(join(folder, "file.txt"), lines.join("").padEnd(fileBytes, "x").slice(0, fileBytes));

  const platform = parts.use(await OpenWorkers.start());
  await platform.deployFolder("site", folder);
  await platform.untilServed("site");
  const server = await nginx(folder);
  if (server === undefined)
    return ["static files: nginx is not installed, so there is nothing to compare with."];
  parts.use(server);
  const ours: Contender = {
    name: platform.name,
    url: `${platform.url}file.txt`,
    host: platform.hostOf("site"),
    pids: platform.pids,
    [Symbol.asyncDispose]: async () => {},
  };
  const results = await measureThroughput([ours, { ...server, url: `${server.url}file.txt` }], size);
  const [first, second] = results;
  if (first === undefined || second === undefined) throw new Error("both must have been measured");
  const ratio = first.requestsPerSecond / second.requestsPerSecond;
  return [
    throughputTable(results, "static file of 10 KB, wrk -t1 -c32"),
    "",
    rowsTable([
      {
        what: "static file beside nginx",
        value: `${ratio.toFixed(2)} ×`,
        budget: "≥ 0.5 ×",
        ok: ratio >= 0.5,
      },
    ]),
  ];
}
