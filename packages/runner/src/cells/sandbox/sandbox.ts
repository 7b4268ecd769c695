/** What a sandbox needs to know of one cell. Paths are the host's. */
export interface CellFiles {
  /** Holds the runner's sockets that the cell may connect to; more may come while the cell runs. */
  readonly socketsDirectory: string;
  /** A directory with one file, `alive`, the same for every cell. */
  readonly aliveDirectory: string;
  readonly workerd: string;
}

/** How to start one cell's process. */
export interface SandboxedCommand extends Disposable {
  /** Everything up to and including the path of workerd; its arguments follow. */
  readonly argv: readonly string[];
  /** Files to pass on, from number 7 in the child; open until disposal. */
  readonly fds: readonly number[];
  /** Paths as the cell sees them. */
  readonly socketsDirectory: string;
  readonly aliveDirectory: string;
  /** Who the cell runs as, when it is not who the runner runs as. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  /** The sandbox writes `"child-pid": <n>` to this fd; without it the spawned process is workerd. */
  readonly infoFd: number | undefined;
}

/** What stands between a cell and the machine. */
export interface Sandbox {
  readonly kind: "bubblewrap" | "none";
  /** A command for one cell. Whoever asked for it disposes of it when the cell has ended. */
  command(files: CellFiles): SandboxedCommand;
}
