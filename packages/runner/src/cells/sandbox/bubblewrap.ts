import { closeSync } from "node:fs";
import { memoryFile } from "../os/memory-file.ts";
import { CellUsers } from "./cell-users.ts";
import type { CellFiles, Sandbox, SandboxedCommand } from "./sandbox.ts";
import { seccompFilter } from "./seccomp/filter.ts";
import { sharedLibraries } from "./shared-libraries.ts";

/** The caller's own files are 0 to 6. */
const seccompFd = 7;

export interface BubblewrapOptions {
  readonly bwrap: string;
  /** Needed when the runner is root. */
  readonly setpriv: string | undefined;
  readonly uidBase?: number;
}

const infoFd = 3;

/**
 * workerd's allocator (tcmalloc) keeps its caches per processor, without a lock or a thread's own list, when it may
 * register for restartable sequences (rseq(2)), which glibc has done before it; and when it knows how many
 * processors there may be. Together they save 5 to 10 % of a request's CPU time in the cell.
 */
const processorCaches = {
  env: ["GLIBC_TUNABLES", "glibc.pthread.rseq=0"],
  processors: "/sys/devices/system/cpu/possible",
} as const;

/**
 * Every namespace of its own, no capabilities, an environment without anything of the runner's, and a read-only
 * tree of workerd, the libraries it is linked with, the number of processors and a directory of sockets.
 *
 * A runner that is not root gives its cells a user namespace. A root runner does not: it builds the tree as
 * root, so that an installation under /root can be bound, and then gives up everything for a user id that
 * only this cell has. Whoever breaks out of the namespaces is that user, not root.
 *
 * bubblewrap's own init is the first process of the pid namespace. It keeps the runner's user, so that the
 * kernel lets the dying parent kill it; workerd, under another user, would survive its parent.
 */
export function bubblewrap(options: BubblewrapOptions): Sandbox {
  const filter = seccompFilter();
  const users = options.setpriv === undefined ? undefined : new CellUsers(options.uidBase);
  const libraries = sharedLibraries(users !== undefined);
  // Directories that bwrap makes by itself are closed to everybody but root.
  const directories = parents([
    ...libraries.map(({ cell }) => cell),
    "/dev/null",
    processorCaches.processors,
  ]);
  return {
    kind: "bubblewrap",
    command(files: CellFiles): SandboxedCommand {
      const uid = users?.take();
      const filterFd = memoryFile("seccomp", filter);
      const bind = (host: string, cell: string) => ["--ro-bind", host, cell];
      return {
        argv: [
          options.bwrap,
          ...(uid === undefined
            ? ["--unshare-user", "--disable-userns", "--uid", "65534", "--gid", "65534"]
            : []),
          ...["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"],
          ...["--die-with-parent", "--new-session", "--hostname", "cell"],
          ...["--clearenv", "--setenv", ...processorCaches.env],
          ...["--info-fd", String(infoFd), "--seccomp", String(seccompFd), "--cap-drop", "ALL"],
          ...(uid === undefined
            ? []
            : ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"].flatMap((name) => ["--cap-add", name])),
          ...directories.flatMap((path) => ["--perms", "0755", "--dir", path]),
          ...libraries.flatMap(({ host, cell }) => bind(host, cell)),
          ...(options.setpriv === undefined ? [] : bind(options.setpriv, "/setpriv")),
          ...["--ro-bind-try", processorCaches.processors, processorCaches.processors],
          ...bind(files.workerd, "/workerd"),
          ...bind(files.aliveDirectory, "/alive"),
          ...bind(files.socketsDirectory, "/sockets"),
          ...["--dev-bind", "/dev/null", "/dev/null", "--dev-bind", "/dev/urandom", "/dev/urandom"],
          ...["--remount-ro", "/", "--chdir", "/", "--"],
          ...(uid === undefined ? [] : asUser(uid)),
          "/workerd",
        ],
        fds: [filterFd],
        socketsDirectory: "/sockets",
        aliveDirectory: "/alive",
        user: uid === undefined ? undefined : { uid, gid: uid },
        infoFd,
        [Symbol.dispose]() {
          closeSync(filterFd);
          if (uid !== undefined) users?.release(uid);
        },
      };
    },
  };
}

function asUser(uid: number): string[] {
  return [
    "/setpriv",
    ...[`--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--no-new-privs"],
    ...["--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"],
  ];
}

/** Every directory above `paths`, outermost first. */
function parents(paths: readonly string[]): string[] {
  const found = new Set<string>();
  for (const path of paths) {
    for (let end = path.indexOf("/", 1); end > 0; end = path.indexOf("/", end + 1))
      found.add(path.slice(0, end));
  }
  return [...found].sort();
}
