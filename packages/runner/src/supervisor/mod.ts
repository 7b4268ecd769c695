export { Supervisor, type SupervisorOptions, type SupervisorStats } from "./supervisor.ts";
