import type { Limits } from "@openworkers/core";
import { configureBindings } from "../../bindings/configure.ts";
import { type SubrequestBudget, unmetered } from "../../subrequests/budget.ts";
import { type ByteMeter, noMeter } from "../byte-meter.ts";
import type { Cell, CellExit, CellLine } from "../cell.ts";
import { cellFlags } from "../config/compatibility.ts";
import { encodeConfig, socketNames } from "../config/encode-config.ts";
import { dataLimit, v8Flags } from "../config/memory.ts";
import { eachLine } from "../logs/lines.ts";
import type { WorkerExports } from "../logs/parse-line.ts";
import { readLog } from "../logs/read-log.ts";
import { type StackMapper, stackMapper } from "../logs/source-map.ts";
import { setLimits } from "../os/rlimits.ts";
import { preludeModules } from "../prelude/prelude.ts";
import type { Program, Target } from "../target.ts";
import { type CellProcess, outOfMemoryWords } from "./cell-process.ts";
import { startFailure } from "./start-failure.ts";
import { startupDeadline } from "./startup-deadline.ts";

export interface AssignOptions {
  readonly limits: Pick<Limits, "memoryBytes" | "backgroundMs" | "subrequests" | "subrequestConcurrency">;
  /** For whom the cell asks through its bindings; without, it is refused. */
  readonly target?: Target;
  /** What its requests may ask for; without, nothing is counted. */
  readonly budget?: SubrequestBudget;
  /** Told of the bytes that it moves through its bindings and its way out. */
  readonly meter?: ByteMeter;
  /** Called for every line that the worker writes. Must not throw. */
  readonly onLine: (line: CellLine) => void;
  /** Asks what the worker exports, once, before `assign` resolves. */
  readonly onExports?: (exports: WorkerExports) => void;
}

/** A sandboxed workerd without a worker: it waits for its configuration and can do nothing else. */
export interface BlankCell extends AsyncDisposable {
  readonly pid: number;
  readonly exited: Promise<CellExit>;
  /** SIGKILL; `exited` follows. Idempotent. */
  kill(): void;
  /**
   * Makes it the cell of `program`; resolves when it takes requests. Once only. The cell takes this object's
   * place: disposing of either ends the process.
   *
   * @throws OpenWorkersError START_FAILED with the worker's own error when its top level throws, ends the
   * process, or takes longer than `startupMs` of CPU time. The process is gone then.
   */
  assign(program: Program, options: AssignOptions): Promise<Cell>;
}

export interface BlankCellOptions {
  readonly process: CellProcess;
  /** VmData of a cell with an empty worker. */
  readonly idleDataBytes: number;
}

/** A blank cell over a process that waits for its configuration. */
export function blankCell({ process: cell, idleDataBytes }: BlankCellOptions): BlankCell {
  const dispose = () => cell[Symbol.asyncDispose]();
  return {
    pid: cell.pid,
    exited: cell.exited,
    kill: cell.kill,
    [Symbol.asyncDispose]: dispose,
    async assign(program, options) {
      const { limits, target, onLine, onExports } = options;
      const mapStack = stackMapper(program.code.sourceMaps);
      try {
        const config = encodeConfig(program, {
          socketsDirectory: cell.socketsDirectory,
          bindings: configureBindings(program),
          aliveDirectory: cell.aliveDirectory,
          doors: target?.doors ?? [],
          compatibilityFlags: cellFlags(program.code.compatibilityFlags, program.code.compatibilityDate),
          v8Flags: v8Flags(limits),
          prelude: preludeModules(program, {
            backgroundMs: limits.backgroundMs,
            limits: { subrequests: limits.subrequests, subrequestConcurrency: limits.subrequestConcurrency },
            reportExports: onExports !== undefined,
          }),
        });
        if (process.platform === "linux") {
          setLimits(cell.pid, { data: dataLimit(idleDataBytes, limits) }, cell.user);
        }
        if (target !== undefined) {
          const { bindings, egress: policy = {} } = program;
          const warn = (message: string) => onLine({ time: Date.now(), level: "warn", message });
          const { budget = unmetered, meter = noMeter } = options;
          await cell.grant({ target, bindings, policy, budget, meter, warn });
        }
        let lastWords = "";
        const stdout = readLog(cell.stdout, {
          onLine,
          mapStack,
          onRuntime(level, message) {
            if (level === "fatal") lastWords = message;
          },
          ...(onExports === undefined ? {} : { onExports }),
        });
        // The last lines and V8's last words are in the pipe when the process has gone.
        const exited = Promise.all([cell.exited, stdout]).then(([exit]) => ({
          ...exit,
          outOfMemory: exit.outOfMemory || outOfMemoryWords.test(lastWords),
        }));
        await started(cell, config, exited, mapStack);
        return {
          pid: cell.pid,
          httpSocket: cell.httpSocket,
          doors: cell.doors,
          controlSocket: cell.controlSocket,
          eventsSocket: cell.eventsSocket,
          idleDataBytes,
          exited,
          kill: cell.kill,
          [Symbol.asyncDispose]: dispose,
        };
      } catch (error) {
        await dispose();
        throw error;
      }
    },
  };
}

async function started(
  cell: CellProcess,
  config: Uint8Array,
  exited: Promise<CellExit>,
  mapStack: StackMapper,
): Promise<void> {
  const watch = new AbortController();
  const failed = exited.then((exit) => {
    throw startFailure(exit, mapStack);
  });
  // A cell that ends after it started is its owner's business, through `exited`.
  failed.catch(() => {});
  try {
    await Promise.race([
      failed,
      startupDeadline(cell.pid, watch.signal),
      // A write that fails because workerd has ended is explained by its exit.
      Promise.all([cell.configure(config).catch(() => failed), listening(cell)]),
    ]);
  } finally {
    watch.abort();
  }
}

/** Resolves when workerd has announced these sockets. */
async function listening(cell: CellProcess): Promise<void> {
  const missing = new Set<string>(Object.values(socketNames));
  await eachLine(cell.control, 4_096, ({ bytes }) => {
    const event: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof event !== "object" || event === null || !("socket" in event)) return undefined;
    missing.delete(String(event.socket));
    return missing.size === 0 ? "enough" : undefined;
  });
  // The pipe closed before: the exit tells why, and is waited for beside this.
  if (missing.size > 0) await new Promise<never>(() => {});
}
