import { defaultLimits } from "@openworkers/core";
import { Broker } from "../../bindings/broker.ts";
import type { DatabaseGateway } from "../../bindings/database/gateway.ts";
import type { PlatformGateway } from "../../bindings/platform/gateway.ts";
import { noServices, type ServiceListener } from "../../bindings/service-listener.ts";
import { Egress } from "../../egress/egress.ts";
import { dataBytes, raiseOpenFiles, setLimits } from "../os/rlimits.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { unversioned } from "../target.ts";
import { baseLimits } from "./base-limits.ts";
import { type BlankCell, blankCell } from "./blank-cell.ts";
import { CellDirectories } from "./cell-directory.ts";
import { type CellProcess, startCellProcess } from "./cell-process.ts";
import { workerdBinary } from "./workerd-binary.ts";

export interface CellHostOptions {
  readonly sandbox: Sandbox;
  /** Where sockets are made: a short path, its own or shared with other runners of this user. */
  readonly runtimeDir: string;
  /** Who answers outbound requests; refused without. The caller's. */
  readonly egress?: Egress;
  /** Who answers through bindings; refused without. The caller's. */
  readonly broker?: Broker;
  /** Who takes calls of other workers; nobody without. */
  readonly services?: ServiceListener;
  /** Who takes the sessions of drivers; nobody without. */
  readonly databases?: DatabaseGateway;
  /** Who takes those of the platform's own workers; nobody without. */
  readonly platform?: Pick<PlatformGateway, "listen">;
}

/** Where cells are started: what the cells of one runner share. Dispose of its cells first. */
export interface CellHost extends AsyncDisposable {
  readonly sandbox: Sandbox;
  /** Files that this process may have open, the other ends of its cells' connections among them; unknown beside Linux. */
  readonly maxOpenFiles: number | undefined;
  /**
   * A sandboxed cell without a worker, ready to be given one.
   *
   * @throws OpenWorkersError SANDBOX_UNAVAILABLE
   */
  launchBlank(): Promise<BlankCell>;
}

/**
 * Sweeps up what a killed runner left in `runtimeDir`, and starts one empty cell to learn what a cell
 * needs before it has a worker.
 *
 * @throws OpenWorkersError SANDBOX_UNAVAILABLE when no cell starts, CONFIG_INVALID when the path is too long.
 */
export async function openCellHost(options: CellHostOptions): Promise<CellHost> {
  await using parts = new AsyncDisposableStack();
  const maxOpenFiles = process.platform === "linux" ? raiseOpenFiles() : undefined;
  const directories = new CellDirectories(options.runtimeDir);
  parts.defer(() => directories.dispose());
  const broker = options.broker ?? new Broker({ handlers: new Map(), report() {} });
  const egress = options.egress ?? parts.use(Egress.closed());
  const start = async (): Promise<CellProcess> => {
    const cell = await startCellProcess({
      sandbox: options.sandbox,
      directory: directories.create(),
      aliveDirectory: directories.aliveDirectory,
      workerd: workerdBinary.path,
      egress,
      broker,
      services: options.services ?? noServices,
      databases: options.databases,
      platform: options.platform,
    });
    try {
      if (process.platform === "linux") setLimits(cell.pid, baseLimits, cell.user);
    } catch (error) {
      await cell[Symbol.asyncDispose]();
      throw error;
    }
    return cell;
  };
  const idleDataBytes = await measureIdle(await start());
  const owned = parts.move();
  return {
    sandbox: options.sandbox,
    maxOpenFiles,
    launchBlank: async () => blankCell({ process: await start(), idleDataBytes }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const encoder = new TextEncoder();

/** VmData of a cell that has started an empty worker, mostly address space that V8 reserves. */
async function measureIdle(process: CellProcess): Promise<number> {
  const blank = blankCell({ process, idleDataBytes: 2 ** 40 });
  await using cell = await blank.assign(
    {
      code: {
        modules: [{ name: "empty.js", type: "esModule", content: encoder.encode("export default {}") }],
        compatibilityDate: workerdBinary.compatibilityDate,
        compatibilityFlags: [],
        sourceMaps: new Map(),
      },
      env: new Map(),
      bindings: new Map(),
      version: unversioned,
    },
    { limits: defaultLimits, onLine() {} },
  );
  return globalThis.process.platform === "linux" ? dataBytes(cell.pid) : 0;
}
