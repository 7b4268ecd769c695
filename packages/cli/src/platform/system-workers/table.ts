import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Limits, WantedBinding } from "@openworkers/core";

/** One of the platform's own workers, as this release has it. */
export interface SystemWorker {
  readonly name: "api" | "identity";
  /** Absolute path of its main module's source. */
  readonly entry: string;
  readonly bindings: ReadonlyMap<string, WantedBinding>;
  readonly limits: Partial<Limits>;
  /** Hosts that it asks. */
  readonly egress: readonly string[];
}

const sources = dirname(fileURLToPath(import.meta.resolve("@openworkers/api")));
const platform: readonly (readonly [string, WantedBinding])[] = [["PLATFORM", { kind: "platform-services" }]];

/** The folder that its sources' paths are relative to. */
export const systemWorkerRoot = dirname(sources);

/**
 * The platform's own workers, each after those that it calls.
 *
 * @param githubUrl where people sign in with GitHub; nowhere without
 */
export function systemWorkers(githubUrl: string | undefined): readonly SystemWorker[] {
  return [
    {
      name: "identity",
      entry: join(sources, "identity/worker.ts"),
      bindings: new Map([["SQL", { kind: "platform-sql", face: "identity" }], ...platform]),
      // Hashing a password takes some 100 ms of CPU time, and more on a slow machine.
      limits: { cpuMs: 2_000, bodyBytes: 2 ** 20, subrequests: 10_000, subrequestConcurrency: 500 },
      egress: githubUrl === undefined ? [] : githubHosts(githubUrl),
    },
    {
      name: "api",
      entry: join(sources, "worker.ts"),
      bindings: new Map<string, WantedBinding>([
        ["SQL", { kind: "platform-sql", face: "api" }],
        ...platform,
        ["IDENTITY", { kind: "worker", worker: "identity" }],
      ]),
      limits: {
        cpuMs: 2_000,
        // A deploy waits for the check, which may wait for its turn.
        firstByteMs: 60_000,
        // Objects pass through it.
        bodyBytes: 5 * 2 ** 30,
        subrequests: 10_000,
        subrequestConcurrency: 500,
      },
      egress: [],
    },
  ];
}

function githubHosts(url: string): string[] {
  const { hostname } = new URL(url);
  return hostname === "github.com" ? [hostname, "api.github.com"] : [hostname];
}
