export type { Cell, CellExit, CellLine } from "./cell.ts";
export { type CheckOptions, checkStart } from "./check/check-start.ts";
export {
  closedEgress,
  type EgressConnection,
  type EgressHandler,
  type EgressSocket,
} from "./egress/egress-handler.ts";
export type { AcquireOptions, Dispatcher, Lease, Verdict } from "./lease.ts";
export type { WorkerExports } from "./logs/parse-line.ts";
export type { AssignOptions, BlankCell } from "./process/blank-cell.ts";
export { type CellHost, type CellHostOptions, openCellHost } from "./process/cell-host.ts";
export { workerdBinary } from "./process/workerd-binary.ts";
export { checkSandbox, type SandboxCheck } from "./sandbox/check-sandbox.ts";
export { findSandbox } from "./sandbox/find-sandbox.ts";
export type { Sandbox } from "./sandbox/sandbox.ts";
export { type Program, type ProgramSource, type Target, targetKey, unversioned } from "./target.ts";
