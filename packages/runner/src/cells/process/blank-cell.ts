import { type Limits, type Module, OpenWorkersError } from "@openworkers/core";
import type { Cell, CellExit, CellLine } from "../cell.ts";
import { encodeConfig, socketNames } from "../config/encode-config.ts";
import { v8Flags } from "../config/v8-flags.ts";
import { setLimits } from "../os/rlimits.ts";
import type { Program } from "../target.ts";
import type { CellProcess } from "./cell-process.ts";
import { lines } from "./lines.ts";
import { startupDeadline } from "./startup-deadline.ts";

export interface AssignOptions {
  readonly limits: Pick<Limits, "memoryBytes" | "backgroundMs">;
  /** Called for every line that the worker writes. Must not throw. */
  readonly onLine: (line: CellLine) => void;
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
  readonly prelude: (program: Program, options: AssignOptions) => Module;
}

/** A blank cell over a process that waits for its configuration. */
export function blankCell({ process: cell, idleDataBytes, prelude }: BlankCellOptions): BlankCell {
  const dispose = () => cell[Symbol.asyncDispose]();
  return {
    pid: cell.pid,
    exited: cell.exited,
    kill: cell.kill,
    [Symbol.asyncDispose]: dispose,
    async assign(program, options) {
      const { memoryBytes } = options.limits;
      try {
        if (process.platform === "linux") {
          setLimits(cell.pid, { data: idleDataBytes + memoryBytes }, cell.user);
        }
        const stdout = forward(cell.stdout, options.onLine);
        const config = encodeConfig(program, {
          egressSocket: cell.egressSocket,
          aliveDirectory: cell.aliveDirectory,
          v8Flags: v8Flags({ memoryBytes }),
          prelude: prelude(program, options),
        });
        await started(cell, config, stdout);
      } catch (error) {
        await dispose();
        throw error;
      }
      return {
        pid: cell.pid,
        httpSocket: cell.httpSocket,
        controlSocket: cell.controlSocket,
        idleDataBytes,
        exited: cell.exited,
        kill: cell.kill,
        [Symbol.asyncDispose]: dispose,
      };
    },
  };
}

async function started(cell: CellProcess, config: Uint8Array, stdout: Promise<void>): Promise<void> {
  const watch = new AbortController();
  const failed = cell.exited.then(async (exit) => {
    await stdout;
    throw startFailure(exit);
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

/** Resolves when workerd has announced both sockets. */
async function listening(cell: CellProcess): Promise<void> {
  const missing = new Set<string>(Object.values(socketNames));
  for await (const { text } of lines(cell.control, 4_096)) {
    const event: unknown = JSON.parse(text);
    if (typeof event !== "object" || event === null || !("socket" in event)) continue;
    missing.delete(String(event.socket));
    if (missing.size === 0) return;
  }
  // The pipe closed before: the exit tells why, and is waited for beside this.
  await new Promise<never>(() => {});
}

function startFailure(exit: CellExit): OpenWorkersError {
  if (exit.outOfMemory) {
    return new OpenWorkersError("START_FAILED", "The worker's top level used up its memory.", {
      hint: "Allocate less before the first request, or raise limits.memoryBytes.",
    });
  }
  const message = /"message":"((?:[^"\\]|\\.)*)"/.exec(exit.stderr)?.[1];
  const text = message === undefined ? exit.stderr : String(JSON.parse(`"${message}"`));
  return new OpenWorkersError("START_FAILED", text.replace(/^service user: /, "").trim());
}

async function forward(stdout: ReadableStream<Uint8Array>, onLine: (line: CellLine) => void): Promise<void> {
  for await (const { text } of lines(stdout, 16_384)) {
    const line = /^\{"timestamp":(\d+),"level":"(debug|error|info|log|trace|warn)","message":(".*")\}$/.exec(
      text,
    );
    if (line?.[3] === undefined) continue;
    onLine({
      time: Number(line[1]),
      level: line[2] as CellLine["level"],
      message: String(JSON.parse(line[3])),
    });
  }
}
