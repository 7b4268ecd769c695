export type { Cell, CellExit, CellLine } from "./cell.ts";
export {
  closedEgress,
  type EgressConnection,
  type EgressHandler,
  type EgressSocket,
} from "./egress/egress-handler.ts";
export type { AcquireOptions, Dispatcher, Lease, Verdict } from "./lease.ts";
export type { AssignOptions, BlankCell } from "./process/blank-cell.ts";
export { type CellHost, type CellHostOptions, openCellHost } from "./process/cell-host.ts";
export { cpuMs } from "./process/cpu-time.ts";
export { workerdBinary } from "./process/workerd-binary.ts";
export { bubblewrap } from "./sandbox/bubblewrap.ts";
export { findSandbox } from "./sandbox/find-sandbox.ts";
export { noSandbox } from "./sandbox/none.ts";
export type { Sandbox } from "./sandbox/sandbox.ts";
export { type Program, type ProgramSource, type Target, targetKey } from "./target.ts";
