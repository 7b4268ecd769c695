export { type Account, accountFor, type Unprivileged } from "./account.ts";
export { type CpuPriority, lowerCpuPriority, openCpuPriority } from "./cpu-priority.ts";
export { lockDirectory, lockFile } from "./directory-lock.ts";
export { isPostgresSession } from "./postgres-session.ts";
export { processesIn, signalProcess } from "./processes.ts";
export { type ServerExit, ServerProcess, spawnOptions } from "./server-process.ts";
