import type { BoundName, WantedConsumer } from "@openworkers/core";
import { deployAssets } from "../assets/project-assets.ts";
import { uploadFiles } from "../assets/upload.ts";
import type { PlatformContext } from "../commands/context.ts";
import { formatBytes } from "../output/format.ts";
import { type BuildOptions, type BuiltWorker, buildWorker } from "./build.ts";
import { checkStarts } from "./check.ts";
import { makeDatabases, warnOfMigrations } from "./databases.ts";

export interface ReleaseOptions {
  /** Share of the requests for the new version. */
  readonly percent: number;
  readonly message?: string;
}

export interface Released {
  readonly worker: string;
  readonly version: number;
  readonly url: string;
  readonly previewUrl: string;
  readonly bytes: number;
  readonly percent: number;
  /** What the manifest's names are bound to. */
  readonly bindings: readonly BoundName[];
  /** Those of the manifest, in UTC; absent when it does not say, and nothing has changed. */
  readonly crons?: readonly string[];
  /** Queues whose messages the worker takes, as its manifest says. */
  readonly consumers: readonly WantedConsumer[];
  /** Static files of the version, and what of them had to be sent. */
  readonly assets?: { readonly files: number; readonly sent: number; readonly sentBytes: number };
  readonly warnings: readonly string[];
  /** Milliseconds of each step. */
  readonly timings: Readonly<Record<string, number>>;
}

/**
 * Bundles the worker at `path`, starts it in a throw-away cell, and only then stores it and makes it live.
 *
 * @throws OpenWorkersError BUNDLE_FAILED, SCRIPT_TOO_LARGE, START_FAILED (with the worker's own stack trace),
 * and what `loadProject` and the backend throw; nothing has changed then.
 */
export async function deployPath(
  path: string,
  options: BuildOptions & ReleaseOptions,
  context: PlatformContext,
): Promise<Released> {
  const start = performance.now();
  const built = await context.output.step("Bundle", () => buildWorker(path, options, context.signal));
  const bundleMs = Math.round(performance.now() - start);
  const released = await releaseWorker(built, options, context);
  await warnOfMigrations(context, built.project);
  return { ...released, timings: { bundle: bundleMs, ...released.timings } };
}

/** Checks and releases what `buildWorker` made; see `deployPath`. */
export async function releaseWorker(
  built: BuiltWorker,
  { percent, message }: ReleaseOptions,
  context: PlatformContext,
): Promise<Released> {
  const { backend, sandbox, output, url, signal } = context;
  const { project, bundle, assets, vars, secrets, warnings } = built;
  const timings: Record<string, number> = {};
  const timed = async <T>(
    step: string,
    label: string,
    work: (progress: (text: string) => void) => Promise<T>,
  ): Promise<T> => {
    signal.throwIfAborted();
    const start = performance.now();
    const value = await output.step(label, work);
    timings[step] = Math.round(performance.now() - start);
    return value;
  };
  for (const warning of warnings) output.warn(warning);
  const start =
    sandbox === undefined
      ? undefined
      : await timed(
          "check",
          `Start ${project.name} in a throw-away cell (${formatBytes(bundle.bytes)})`,
          () => checkStarts(built, { backend, sandbox }),
        );
  if (start !== undefined && project.crons?.length && !start.handlers.includes("scheduled")) {
    output.warn(
      `${project.name} has crons and exports no scheduled(): each of its runs will end as no-handler.`,
    );
  }
  const sent =
    assets === undefined
      ? undefined
      : await timed("assets", `Send what is new of ${assets.files.length} static files`, (progress) =>
          uploadFiles(assets.files, backend, {
            signal,
            progress: (done, of) =>
              progress(
                `${done.files} of ${of.files} files, ${formatBytes(done.bytes)} of ${formatBytes(of.bytes)}`,
              ),
          }),
        );
  const { worker, version, bindings } = await timed("store", "Put it live", () =>
    backend.deploy({
      worker: project.name,
      code: bundle.code,
      vars: project.vars,
      ...(start === undefined ? {} : { entrypoints: start.entrypoints }),
      bindings: project.bindings,
      consumers: project.consumers,
      limits: project.limits,
      egress: project.egress,
      ...(assets === undefined ? {} : { assets: deployAssets(assets) }),
      ...(project.routes === undefined ? {} : { routes: project.routes }),
      domains: project.domains,
      ...(project.crons === undefined ? {} : { crons: project.crons }),
      percent,
      ...(message === undefined ? {} : { message }),
      environmentVars: vars,
      environmentSecrets: secrets,
    }),
  );
  await makeDatabases(context, bindings);
  const served = await timed("live", "Wait until it is served", () => context.served(worker, version));
  if (served === false) {
    output.warn(`${worker} version ${version} is stored, but this machine's runner does not serve it yet.`);
  }
  const urls = { url: url(worker), previewUrl: url(worker, version) };
  const counts = { files: assets?.files.length ?? 0, sent: sent?.files ?? 0, sentBytes: sent?.bytes ?? 0 };
  return {
    worker,
    version,
    ...urls,
    bytes: bundle.bytes,
    percent,
    bindings,
    ...(project.crons && { crons: project.crons }),
    consumers: project.consumers,
    ...(assets && { assets: counts }),
    warnings,
    timings,
  };
}
