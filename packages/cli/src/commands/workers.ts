import type { Command } from "commander";
import colors from "picocolors";
import type { Share, WorkerDetails } from "../backend/backend.ts";
import { describeBinding } from "../output/bindings.ts";
import { formatTable, formatTime } from "../output/format.ts";
import { platformCommand, withPlatform } from "./context.ts";

interface Options {
  readonly json?: boolean;
}

export function workersCommand(): Command {
  return platformCommand("workers", "List the workers, or show one", [
    "ow workers",
    "ow workers hello",
    "ow workers --json",
  ])
    .argument("[worker]", "show this one")
    .action(async (name: string | undefined, options: Options) => {
      await withPlatform(options, async ({ backend, output, url }) => {
        if (name !== undefined) {
          const worker = await backend.worker(name);
          output.result({ ...worker, url: url(name) }, formatWorker(worker, url(name)));
          return;
        }
        const workers = await backend.workers();
        const rows = workers.map((worker) => [
          worker.worker,
          formatShares(worker.live),
          worker.deployedAt === undefined ? "never" : formatTime(worker.deployedAt),
          url(worker.worker),
        ]);
        output.result(
          workers.map((worker) => ({ ...worker, url: url(worker.worker) })),
          formatTable(
            ["worker", "live", "deployed", "url"],
            rows,
            "No workers yet: `ow deploy PATH` makes one.",
          ),
        );
      });
    });
}

/** `v3`, or `v3 90%, v4 10%`. */
export function formatShares(shares: readonly Share[]): string {
  const [only] = shares;
  if (only === undefined) return "-";
  if (shares.length === 1) return `v${only.version}`;
  return shares.map(({ version, percent }) => `v${version} ${percent}%`).join(", ");
}

function formatWorker(worker: WorkerDetails, url: string): string {
  const limits = Object.entries(worker.limits).map(([name, value]) => `${name} ${value}`);
  const values = worker.environment.map(({ name, kind }) => (kind === "secret" ? `${name} (secret)` : name));
  const rows = [
    ["url", url],
    ["live", formatShares(worker.live)],
    ["versions", String(worker.versions)],
    ["deployed", worker.deployedAt === undefined ? "never" : formatTime(worker.deployedAt)],
    [
      "domains",
      worker.domains.map(({ hostname, verified }) => hostname + (verified ? "" : " (unverified)")).join(", "),
    ],
    ["routes", worker.routes.join(", ")],
    ["environment", values.join(", ")],
    ["bindings", worker.bindings.map((bound) => `${bound.name} (${describeBinding(bound)})`).join(", ")],
    ["limits", limits.join(", ")],
  ];
  const lines = rows
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `  ${name?.padEnd(12)} ${value}`);
  return [colors.bold(worker.worker), ...lines].join("\n");
}
