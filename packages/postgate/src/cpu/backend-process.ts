import { readFileSync } from "node:fs";
import type { DatabaseId } from "@openworkers/core";
import { tenantNames } from "../tenant.ts";

/**
 * Whether the process of this machine with this number is a session of PostgreSQL's on the tenant's database: it says so
 * itself (`postgres: [cluster: ]role database client state`), and the database's name is nowhere else.
 */
export function isBackendOf(pid: number, id: DatabaseId): boolean {
  const title = textOf(`/proc/${pid}/cmdline`);
  return title?.startsWith("postgres: ") === true && title.includes(` ${tenantNames(id).database} `);
}

/** Processor time that a process has used, in milliseconds; undefined when there is no such process here. */
export function backendCpuMs(pid: number): number | undefined {
  const text = textOf(`/proc/${pid}/schedstat`);
  return text === undefined ? undefined : Number.parseInt(text, 10) / 1e6;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined; // the process is gone or was never here, or this is not Linux
  }
}
