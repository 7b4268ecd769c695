import { statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { isOpenWorkersError, messageOf } from "@openworkers/core";
import { followLogs } from "@openworkers/logs";
import colors from "picocolors";
import type { PlatformContext } from "../commands/context.ts";
import { type BuildOptions, buildWorker, fingerprint } from "../deploy/build.ts";
import { releaseWorker } from "../deploy/deploy.ts";
import { formatRecord } from "../live-logs/format.ts";
import { reportFailure } from "../output/failure.ts";
import { Watcher } from "./watcher.ts";

/**
 * Deploys the worker at `path` now and after every change until `signal` aborts, and shows its logs. An error in the
 * worker is shown and waited out; what is live stays live meanwhile.
 */
export async function develop(path: string, options: BuildOptions, context: PlatformContext): Promise<void> {
  const { output, signal } = context;
  using watcher = new Watcher();
  const given = [options.env, options.secrets].flatMap((file) => (file === undefined ? [] : [resolve(file)]));
  // Before the first build has told its inputs: where they are most likely to be.
  watcher.watchFoldersOf([
    ...["", "x", "src/x"].map((file) => resolve(path, file)).filter(isInFolder),
    ...given,
  ]);
  let following: Promise<void> | undefined;
  let live: string | undefined;
  while (!signal.aborted) {
    try {
      const built = await buildWorker(path, { ...options, mode: "development" }, signal);
      const { project, bundle, assets } = built;
      const manifest = project.manifestFile === undefined ? [] : [project.manifestFile];
      const folders = (assets?.folders ?? []).map((folder) => join(folder, "x"));
      watcher.watchFoldersOf([...bundle.inputs, ...manifest, ...given, ...folders]);
      if (fingerprint(built) !== live) {
        const released = await releaseWorker(built, { percent: 100 }, context);
        live = fingerprint(built);
        following ??= follow(released.worker, context);
        if (output.json) output.line(JSON.stringify({ deployed: released }));
        else
          output.line(
            `${colors.green("live")} ${released.worker} v${released.version} ${colors.cyan(released.url)}`,
          );
      }
    } catch (thrown) {
      if (signal.aborted) break;
      // The platform's own trouble ends it; the worker's is for its author to mend.
      if (!isOpenWorkersError(thrown) || thrown.fault === "platform") throw thrown;
      reportFailure(thrown, { json: output.json });
      output.note(colors.dim("Waiting for a change."));
    }
    await watcher.change(signal);
  }
  await following;
}

async function follow(worker: string, { backend, logs, output, signal }: PlatformContext): Promise<void> {
  try {
    const workerId = await backend.workerId(worker);
    const access = logs(workerId);
    for await (const record of followLogs({ ...access, workerId, filter: {}, signal })) {
      output.line(output.json ? JSON.stringify(record) : formatRecord(record, { showWorker: false }));
    }
  } catch (thrown) {
    output.warn(`The logs are no longer followed: ${messageOf(thrown)}`);
  }
}

function isInFolder(file: string): boolean {
  try {
    return statSync(dirname(file)).isDirectory();
  } catch {
    return false; // nothing there, or `path` is a file and has no folders in it
  }
}
