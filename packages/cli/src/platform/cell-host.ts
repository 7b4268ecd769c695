import { join } from "node:path";
import { type CellHost, findSandbox, openCellHost, readSettings } from "@openworkers/runner";
import { runtimeDirFor } from "./runtime-dir.ts";
import type { SandboxKind } from "./sandbox-kind.ts";

/**
 * Starts cells for the CLI's own purposes: checking a worker, or whether the sandbox works. It has really started one
 * when it is returned. The caller disposes of it.
 *
 * @throws OpenWorkersError SANDBOX_UNAVAILABLE with what is missing and what to do
 */
export async function openOwnCells(sandbox: SandboxKind): Promise<CellHost> {
  const { cellUidBase } = readSettings(process.env);
  return await openCellHost({
    sandbox: findSandbox(sandbox, cellUidBase),
    runtimeDir: join(runtimeDirFor("cli"), "cells"),
  });
}
