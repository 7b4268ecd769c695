import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Where one runner keeps its cells' sockets: `<runtimeDir>/<pid>/<n>/{http,control,events,door0…,sockets/*}`, all 0700. A
 * cell sees none of it but its own `sockets`, and can create nothing there.
 */
export class CellDirectories {
  readonly #root: string;
  readonly aliveDirectory: string;
  #next = 0;

  /** Removes what killed runners left behind, and makes this runner's directory. */
  constructor(runtimeDir: string) {
    mkdirSync(runtimeDir, { recursive: true, mode: 0o700 });
    sweep(runtimeDir);
    this.#root = join(runtimeDir, String(process.pid));
    // A name is unique per host object too: tests and `ow deploy` open several in one process.
    while (!tryMkdir(this.#root)) this.#root = join(runtimeDir, `${process.pid}.${suffix()}`);
    this.aliveDirectory = join(this.#root, "alive");
    mkdirSync(this.aliveDirectory);
    // Read by cells, which run as other users, whatever our umask is.
    chmodSync(this.aliveDirectory, 0o755);
    writeFileSync(join(this.aliveDirectory, "alive"), "alive\n");
    chmodSync(join(this.aliveDirectory, "alive"), 0o644);
  }

  create(): string {
    const path = join(this.#root, (this.#next++).toString(36));
    mkdirSync(path, { mode: 0o700 });
    return path;
  }

  dispose(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

function suffix(): string {
  return Math.floor(Math.random() * 36 ** 3).toString(36);
}

function tryMkdir(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** A runner that was killed took its cells with it, but not their sockets. */
function sweep(runtimeDir: string): void {
  for (const name of readdirSync(runtimeDir)) {
    const pid = /^(\d+)(\.[a-z0-9]+)?$/.exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid)))
      rmSync(join(runtimeDir, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
