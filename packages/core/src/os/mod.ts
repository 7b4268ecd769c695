export { type CpuPriority, openCpuPriority } from "./cpu-priority.ts";
