import { accessSync, chmodSync, constants, lstatSync, mkdirSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OpenWorkersError } from "@openworkers/core";
import { sweepRuntimeDirs } from "./sweep-runtime-dirs.ts";

/** Path of the runtime directory for `dataDir`, made or not. */
export function runtimeDirPath(dataDir: string): string {
  // Two users' directories for the same purpose must not meet in /tmp, where the second would be refused.
  const owner = `${process.getuid?.() ?? ""}`;
  const hash = new Bun.CryptoHasher("sha256").update(`${owner} ${dataDir}`).digest("hex").slice(0, 12);
  return join(runtimeRoot(), `openworkers-${hash}`);
}

/**
 * A directory for sockets that belongs to `dataDir`: the same on every start, so that what a killed platform
 * left in it is found and removed. Its path is short, because a Unix socket's may have 107 bytes only (unix(7)).
 *
 * @throws OpenWorkersError CONFIG_INVALID when somebody else has made it.
 */
export function runtimeDirFor(dataDir: string): string {
  const path = runtimeDirPath(dataDir);
  mkdirSync(path, { recursive: true, mode: 0o711 });
  const stat = lstatSync(path);
  // Names in /tmp and /dev/shm are anybody's to take: a directory or link that another user put there is not used.
  if (!stat.isDirectory() || stat.uid !== process.getuid?.()) {
    throw new OpenWorkersError("CONFIG_INVALID", `${path} belongs to somebody else.`, {
      hint: "Remove it, or set XDG_RUNTIME_DIR to a directory of your own.",
    });
  }
  // Cells that run as users of their own pass through it, and can list nothing.
  chmodSync(path, 0o711);
  sweepRuntimeDirs(runtimeRoot());
  return path;
}

/** TMPFS_MAGIC (statfs(2)). */
const tmpfs = 0x01021994;

/**
 * Each cell has some fifteen sockets here. In memory their names cost 10 µs each; on ext4 up to 700, for as long as others
 * were removed in the last seconds, and the runner would stand still meanwhile. In containers /run is often on a disk.
 */
function runtimeRoot(): string {
  if (process.platform !== "linux") return tmpdir();
  const isRoot = process.getuid?.() === 0;
  const { XDG_RUNTIME_DIR: own } = process.env;
  if (!isRoot && own !== undefined) return own;
  const usual = isRoot ? "/run" : tmpdir();
  return [usual, "/dev/shm"].find(isInMemory) ?? usual;
}

function isInMemory(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return statfsSync(directory).type === tmpfs;
  } catch {
    return false; // not there, or not ours to write
  }
}
