export {
  type CellHost,
  checkSandbox,
  checkStart,
  findSandbox,
  openCellHost,
  type Sandbox,
  unversioned,
  type WorkerExports,
} from "./cells/mod.ts";
export { createRunner, type Runner, type RunnerOptions, type RunnerStats } from "./runner/runner.ts";
export { type RunnerSettings, readSettings } from "./runner/settings.ts";
