export { type CellState, Supervisor, type SupervisorOptions, type SupervisorStats } from "./supervisor.ts";
