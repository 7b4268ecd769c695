import { getSystemErrorName } from "node:util";
import { OpenWorkersError, type Wire } from "@openworkers/core";
import { libc } from "./libc.ts";

const darwin = process.platform === "darwin";
// asm-generic/socket.h; sys/socket.h of macOS.
const level = darwin ? 0xffff : 1;
const options = darwin ? { send: 0x1001, receive: 0x1002 } : { send: 7, receive: 8 };

/**
 * Sets how many bytes the kernel keeps for a socket, in one direction. Linux keeps up to twice as many, its own
 * bookkeeping among them, and never less than a few thousand (socket(7)).
 *
 * @throws OpenWorkersError INTERNAL when the descriptor is no socket
 */
export function setSocketBuffer(fd: number, direction: keyof typeof options, bytes: number): void {
  if (libc().setsockopt(fd, level, options[direction], new Int32Array([bytes]), 4) === 0) return;
  throw new OpenWorkersError(
    "INTERNAL",
    `The ${direction} buffer of a socket could not be set: ${getSystemErrorName(-libc().errno())}.`,
  );
}

/** As `setSocketBuffer`, for a wire's socket. Nothing happens to one that is closed. */
export function setWireBuffer({ fd }: Wire, direction: keyof typeof options, bytes: number): void {
  if (fd !== undefined) setSocketBuffer(fd, direction, bytes);
}
