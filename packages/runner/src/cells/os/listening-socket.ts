import { closeSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import { OpenWorkersError } from "@openworkers/core";
import { libc } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
// Linux: bits of the `type` argument. macOS has no such bits; a cell's spawn closes what it does not pass on.
const SOCK_CLOEXEC = process.platform === "linux" ? 0o2000000 : 0;
const SOCK_NONBLOCK = process.platform === "linux" ? 0o4000 : 0;

/** sizeof(sun_path) less its terminating zero: 108 on Linux (unix(7)), 104 on macOS. */
export const maxSocketPathBytes = process.platform === "darwin" ? 103 : 107;

/**
 * Connections the kernel keeps for a cell that has not accepted them yet. Beyond it connect(2) on a Unix
 * socket fails with EAGAIN, so it is as deep as `net.core.somaxconn` allows by default.
 */
const backlog = 4_096;

/** A listening Unix socket, made here and handed to a cell, which so never creates a name on any disk. */
export interface ListeningSocket {
  readonly path: string;
  /** To be passed to the child. Close it here once the child has it. */
  readonly fd: number;
  close(): void;
}

/**
 * Creates and listens on a Unix socket at `path`.
 *
 * @throws OpenWorkersError CONFIG_INVALID when the path is longer than the kernel takes, INTERNAL when a
 * system call fails.
 */
export function listenUnix(path: string): ListeningSocket {
  const name = new TextEncoder().encode(path);
  if (name.length > maxSocketPathBytes) {
    throw new OpenWorkersError(
      "CONFIG_INVALID",
      `The socket path ${path} has ${name.length} bytes; the kernel takes ${maxSocketPathBytes}.`,
      { hint: "Choose a shorter runtime directory." },
    );
  }
  const fd = libc().socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) throw failure("socket", path);
  let open = true;
  const close = () => {
    if (open) closeSync(fd);
    open = false;
  };
  const address = socketAddress(name);
  if (libc().bind(fd, address, address.length) !== 0) {
    const error = failure("bind", path);
    close();
    throw error;
  }
  if (libc().listen(fd, backlog) !== 0) {
    const error = failure("listen", path);
    close();
    throw error;
  }
  return { path, fd, close };
}

/** `struct sockaddr_un`; macOS puts a length byte before a one-byte family. */
function socketAddress(name: Uint8Array): Uint8Array {
  const address = new Uint8Array(2 + name.length + 1);
  if (process.platform === "darwin") address.set([address.length, AF_UNIX]);
  else new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  return address;
}

function failure(call: string, path: string): OpenWorkersError {
  return new OpenWorkersError(
    "INTERNAL",
    `${call}(2) for ${path} failed: ${getSystemErrorName(-libc().errno())}.`,
  );
}
