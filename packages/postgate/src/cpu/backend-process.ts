import { readFileSync } from "node:fs";
import type { DatabaseId } from "@openworkers/core";
import { isPostgresSession } from "@openworkers/core/host";
import { tenantNames } from "../tenant.ts";

/** Whether the process of this machine with this number is a session of PostgreSQL's on the tenant's database. */
export function isBackendOf(pid: number, id: DatabaseId): boolean {
  return isPostgresSession(pid, tenantNames(id).database);
}

/** Processor time that a process has used, in milliseconds; undefined when there is no such process here. */
export function backendCpuMs(pid: number): number | undefined {
  try {
    return Number.parseInt(readFileSync(`/proc/${pid}/schedstat`, "latin1"), 10) / 1e6;
  } catch {
    return undefined; // the process is gone or was never here, or this is not Linux
  }
}
