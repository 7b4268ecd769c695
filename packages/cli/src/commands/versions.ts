import { OpenWorkersError } from "@openworkers/core";
import type { Command } from "commander";
import type { Backend, Share } from "../backend/backend.ts";
import { versionBefore } from "../deploy/version-before.ts";
import { UsageError } from "../output/failure.ts";
import { formatBytes, formatTable, formatTime } from "../output/format.ts";
import { parsePercent, parseVersion, platformCommand, withPlatform } from "./context.ts";
import { formatShares } from "./workers.ts";

interface Options {
  readonly json?: boolean;
  readonly message?: string;
}

interface DeploymentsOptions extends Options {
  readonly version?: number;
  readonly percent?: number;
}

export function versionsCommand(): Command {
  return platformCommand("versions", "List a worker's versions, newest first", ["ow versions hello"])
    .argument("<worker>")
    .action(async (worker: string, options: Options) => {
      await withPlatform(options, async ({ backend, output, url }) => {
        const versions = await backend.versions(worker);
        const rows = versions.map((version) => [
          `v${version.version}`,
          version.percent === 0 ? "" : `${version.percent}%`,
          formatBytes(version.bytes),
          formatTime(version.createdAt),
          version.message ?? "",
        ]);
        output.result(
          versions.map((version) => ({ ...version, url: url(worker, version.version) })),
          formatTable(["version", "live", "size", "created", "message"], rows, `${worker} has no versions.`),
        );
      });
    });
}

export function rollbackCommand(): Command {
  return platformCommand("rollback", "Make an earlier version live again, at once and alone", [
    "ow rollback hello",
    "ow rollback hello 3 --message 'v4 leaks'",
  ])
    .argument("<worker>")
    .argument("[version]", "the version (default: the one live before)", parseVersion)
    .option("--message <text>", "why")
    .action(async (worker: string, version: number | undefined, options: Options) => {
      await withPlatform(options, async ({ backend, output, url, served }) => {
        const target = version ?? (await versionBefore(backend, worker));
        await backend.createDeployment(
          worker,
          [{ version: target, percent: 100 }],
          options.message ?? `Rollback to v${target}`,
        );
        await served(worker, target);
        output.result(
          { worker, version: target, url: url(worker) },
          `${worker} is version ${target} again: ${url(worker)}`,
        );
      });
    });
}

export function deploymentsCommand(): Command {
  return platformCommand("deployments", "List a worker's deployments, or make one of existing versions", [
    "ow deployments hello",
    "ow deployments hello --version 4 --percent 10",
    "ow deployments hello --version 4",
  ])
    .argument("<worker>")
    .option("--version <version>", "make a deployment in which this version is live", parseVersion)
    .option("--percent <percent>", "its share; the rest stays with the version live now", parsePercent)
    .option("--message <text>", "why")
    .action(async (worker: string, options: DeploymentsOptions) => {
      if (options.percent !== undefined && options.version === undefined) {
        throw new UsageError("--percent needs --version.");
      }
      await withPlatform(options, async ({ backend, output, url }) => {
        if (options.version !== undefined) {
          const shares = await splitWith(backend, worker, options.version, options.percent ?? 100);
          const made = await backend.createDeployment(worker, shares, options.message);
          output.result({ worker, ...made, url: url(worker) }, `${worker}: ${formatShares(made.shares)}`);
          return;
        }
        const deployments = await backend.deployments(worker);
        const rows = deployments.map(({ shares, createdAt, message }, index) => [
          index === 0 ? "live" : "",
          formatShares(shares),
          formatTime(createdAt),
          message ?? "",
        ]);
        output.result(
          deployments,
          formatTable(["", "versions", "created", "message"], rows, `${worker} was never deployed.`),
        );
      });
    });
}

/** `percent` for `version`; the rest for the version with the largest share now. */
async function splitWith(
  backend: Backend,
  worker: string,
  version: number,
  percent: number,
): Promise<Share[]> {
  if (percent === 100) return [{ version, percent }];
  const [live] = await backend.deployments(worker);
  const others = (live?.shares ?? []).filter((share) => share.version !== version);
  const [largest] = [...others].sort((a, b) => b.percent - a.percent);
  if (largest === undefined) {
    throw new OpenWorkersError(
      "INVALID_INPUT",
      `No other version of ${worker} is live to take the other ${100 - percent}%.`,
      {
        hint: "Leave --percent out, or make another version live first.",
      },
    );
  }
  return [
    { version: largest.version, percent: 100 - percent },
    { version, percent },
  ];
}
