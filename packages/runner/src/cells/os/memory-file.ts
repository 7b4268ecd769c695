import { writeSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import { OpenWorkersError } from "@openworkers/core";
import { libc, linux } from "./libc.ts";

const MFD_CLOEXEC = 1;

/**
 * A file descriptor to read `content` from, with no name on any disk. Whoever asked for it closes it.
 *
 * @throws OpenWorkersError INTERNAL
 */
export function memoryFile(name: string, content: Uint8Array): number {
  const fd = linux().memfd_create(new TextEncoder().encode(`${name}\0`), MFD_CLOEXEC);
  if (fd < 0) {
    throw new OpenWorkersError("INTERNAL", `memfd_create(2) failed: ${getSystemErrorName(-libc().errno())}.`);
  }
  // At a position, so that the descriptor still stands at the beginning.
  writeSync(fd, content, 0, content.length, 0);
  return fd;
}
