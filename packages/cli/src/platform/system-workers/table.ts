import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Limits, WantedBinding } from "@openworkers/core";
import type { AssetsManifest } from "../../assets/project-assets.ts";

/** One of the platform's own workers, as this release has it. */
export interface SystemWorker {
  readonly name: "api" | "identity" | "dashboard";
  /** The folder that its sources' paths are relative to. */
  readonly root: string;
  /** Absolute path of its main module's source. */
  readonly entry: string;
  readonly bindings: ReadonlyMap<string, WantedBinding>;
  readonly limits: Partial<Limits>;
  /** Hosts that it asks. */
  readonly egress: readonly string[];
  /** Its static files, which a build has made. */
  readonly assets?: AssetsManifest;
}

const sources = dirname(fileURLToPath(import.meta.resolve("@openworkers/api")));
const dashboard = dirname(fileURLToPath(import.meta.resolve("@openworkers/dashboard/package.json")));
const platform: readonly (readonly [string, WantedBinding])[] = [["PLATFORM", { kind: "platform-services" }]];

/** A deploy waits for the check, which may wait for its turn; objects pass through. */
const passThrough = { firstByteMs: 60_000, bodyBytes: 5 * 2 ** 30 };

/**
 * The platform's own workers, each after those that it calls.
 *
 * @param githubUrl where people sign in with GitHub; nowhere without
 * @param withDashboard whether there is one
 */
export function systemWorkers(
  githubUrl: string | undefined,
  withDashboard: boolean,
): readonly SystemWorker[] {
  const workers = [identity(githubUrl), api];
  return withDashboard ? [...workers, dashboardWorker] : workers;
}

function identity(githubUrl: string | undefined): SystemWorker {
  return {
    name: "identity",
    root: dirname(sources),
    entry: join(sources, "identity/worker.ts"),
    bindings: new Map([["SQL", { kind: "platform-sql", face: "identity" }], ...platform]),
    // Hashing a password takes some 100 ms of CPU time, and more on a slow machine.
    limits: { cpuMs: 2_000, bodyBytes: 2 ** 20, subrequests: 10_000, subrequestConcurrency: 500 },
    egress: githubUrl === undefined ? [] : githubHosts(githubUrl),
  };
}

const api: SystemWorker = {
  name: "api",
  root: dirname(sources),
  entry: join(sources, "worker.ts"),
  bindings: new Map<string, WantedBinding>([
    ["SQL", { kind: "platform-sql", face: "api" }],
    ...platform,
    ["IDENTITY", { kind: "worker", worker: "identity" }],
  ]),
  limits: { ...passThrough, cpuMs: 2_000, subrequests: 10_000, subrequestConcurrency: 500 },
  egress: [],
};

const dashboardWorker: SystemWorker = {
  name: "dashboard",
  root: dashboard,
  entry: join(dashboard, "worker/worker.ts"),
  bindings: new Map<string, WantedBinding>([
    ["API", { kind: "worker", worker: "api" }],
    ["ASSETS", { kind: "assets" }],
  ]),
  limits: passThrough,
  egress: [],
  assets: {
    directory: join(dashboard, "dist"),
    binding: "ASSETS",
    htmlHandling: "auto-trailing-slash",
    notFoundHandling: "single-page-application",
    runWorkerFirst: ["/v1/*"],
    only: false,
  },
};

/** Whether there is something to deploy: `./setup` builds it. */
export function isDashboardBuilt(): boolean {
  return existsSync(join(dashboard, "dist/index.html"));
}

function githubHosts(url: string): string[] {
  const { hostname } = new URL(url);
  return hostname === "github.com" ? [hostname, "api.github.com"] : [hostname];
}
