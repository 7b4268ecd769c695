import { type InvocationRecord, type LogLine, newId, type VersionId, type WorkerId } from "@openworkers/core";

/** Who logs, in tests. */
export interface Source {
  readonly workerId: WorkerId;
  readonly worker: string;
  readonly versionId: VersionId;
  readonly version: number;
}

export function source(worker: string): Source {
  return { workerId: newId<"worker">(), worker, versionId: newId<"version">(), version: 1 };
}

export function line(from: Source, message: string): LogLine {
  return { kind: "line", time: Date.now(), level: "log", message, ...from };
}

export function invocation(from: Source, path = "/"): InvocationRecord {
  return {
    kind: "invocation",
    time: Date.now(),
    trigger: "fetch",
    requestId: newId<"request">(),
    method: "GET",
    host: `${from.worker}.localhost`,
    path,
    status: 200,
    outcome: "ok",
    wallMs: 1.5,
    cpuMs: 0.4,
    coldStart: false,
    ...from,
  };
}
