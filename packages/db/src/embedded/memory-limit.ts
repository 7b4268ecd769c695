import { totalmem } from "node:os";

const smallest = 256 * 2 ** 20;
const largest = 2 ** 30;

/**
 * What one process of PostgreSQL may allocate for itself, in bytes: a sixteenth of the machine's memory, from 256 MiB to
 * 1 GiB. `shared_buffers` is not part of it. Any session may set its own `work_mem`, and make a value of a gigabyte;
 * beyond the limit its statement fails with SQLSTATE 53200 instead of the machine.
 */
export function backendMemoryBytes(machineBytes: number = totalmem()): number {
  return Math.min(largest, Math.max(smallest, Math.floor(machineBytes / 16)));
}

/** `command`, started with that limit. Linux counts private memory against it; elsewhere it means little. */
export function withMemoryLimit(command: readonly string[], bytes: number): string[] {
  // Nothing stays in between: the process that this starts is PostgreSQL's.
  return ["/bin/sh", "-c", 'ulimit -d "$0" && exec "$@"', String(Math.floor(bytes / 1_024)), ...command];
}
