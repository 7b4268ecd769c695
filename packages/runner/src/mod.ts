export {
  type CellHost,
  checkSandbox,
  checkStart,
  findSandbox,
  openCellHost,
  type Sandbox,
} from "./cells/mod.ts";
export { createRunner, type Runner, type RunnerOptions, type RunnerStats } from "./runner/runner.ts";
export { type RunnerSettings, readSettings } from "./runner/settings.ts";
