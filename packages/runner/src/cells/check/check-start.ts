import type { Limits } from "@openworkers/core";
import type { CellLine } from "../cell.ts";
import type { WorkerExports } from "../logs/parse-line.ts";
import type { CellHost } from "../process/cell-host.ts";
import type { Program } from "../target.ts";

export interface CheckOptions {
  readonly host: Pick<CellHost, "launchBlank">;
  readonly limits: Limits;
  /** What the worker's top level writes. */
  readonly onLine?: (line: CellLine) => void;
}

/**
 * Starts `program` in a throw-away cell and ends it.
 *
 * @returns the names of the handlers on its default export (`fetch`, `scheduled`, …), empty when it has none, and of
 * the other exports that workers can call.
 * @throws OpenWorkersError START_FAILED with the worker's own error (`details.stack`, in its sources'
 * positions), INVALID_INPUT for a compatibility flag that no worker gets.
 */
export async function checkStart(program: Program, options: CheckOptions): Promise<WorkerExports> {
  let exports: WorkerExports = { handlers: [], entrypoints: [] };
  const blank = await options.host.launchBlank();
  await using cell = await blank.assign(program, {
    limits: options.limits,
    onLine: options.onLine ?? (() => {}),
    onExports(found) {
      exports = found;
    },
  });
  // What the top level wrote is in the pipe, and read to its end before the cell counts as gone.
  cell.kill();
  await cell.exited;
  return exports;
}
