import { join } from "node:path";
import { OpenWorkersError } from "@openworkers/core";
import type { Account } from "./account.ts";

/** How PostgreSQL's programs are started, and where they see their directories. */
export interface Launcher {
  readonly kind: "direct" | "setpriv" | "bubblewrap";
  /** The data directory's parent and the socket's directory as the started program sees them. */
  readonly clusterPath: string;
  readonly socketPath: string;
  command(program: "initdb" | "postgres", args: readonly string[]): string[];
}

export interface LaunchPlaces {
  /** `bin`, `lib` and `share` of PostgreSQL. */
  readonly native: string;
  /** The directory that holds `data`. */
  readonly cluster: string;
  readonly socket: string;
}

/**
 * - `direct`: we are not root. On Linux PostgreSQL is told to stop when we die.
 * - `setpriv`: we are root, and PostgreSQL's account can reach the places.
 * - `bubblewrap`: we are root, and it cannot, because they are below a private directory such as /root; a
 *   mount namespace shows it these places and nothing else of ours.
 *
 * @throws OpenWorkersError CONFIG_INVALID when PostgreSQL's account cannot be given the places.
 */
export function chooseLauncher(places: LaunchPlaces, account: Account | undefined): Launcher {
  if (account === undefined) return direct(places);
  if (Bun.which("setpriv") === null) {
    throw unreachable("the program `setpriv` (util-linux) is not installed", places);
  }
  const plain = setpriv(places, account);
  if (canReach(plain, places, account)) return plain;
  if (Bun.which("bwrap") === null) throw unreachable("bubblewrap is not installed", places);
  const wrapped = bubblewrap(places, account);
  const probe = Bun.spawnSync(wrapped.command("postgres", ["--version"]), {
    stderr: "pipe",
    stdout: "ignore",
  });
  if (probe.exitCode !== 0) {
    throw unreachable(`bubblewrap says: ${probe.stderr.toString().trim().slice(0, 500)}`, places);
  }
  return wrapped;
}

// SIGINT is PostgreSQL's "fast" shutdown: sessions are ended and a checkpoint written. Setting the signal has
// to come after the change of user, which clears it (prctl(2), PR_SET_PDEATHSIG).
const dieWithParent = ["--pdeathsig", "INT"];

function direct({ native, cluster, socket }: LaunchPlaces): Launcher {
  const prefix = process.platform === "linux" && Bun.which("setpriv") ? ["setpriv", ...dieWithParent] : [];
  return {
    kind: "direct",
    clusterPath: cluster,
    socketPath: socket,
    command: (program, args) => [...prefix, join(native, "bin", program), ...args],
  };
}

function dropTo({ uid, gid }: Account): string[] {
  return [
    "setpriv",
    `--reuid=${uid}`,
    `--regid=${gid}`,
    "--clear-groups",
    "--bounding-set=-all",
    "--inh-caps=-all",
    "--no-new-privs",
    ...dieWithParent,
  ];
}

function setpriv({ native, cluster, socket }: LaunchPlaces, account: Account): Launcher {
  return {
    kind: "setpriv",
    clusterPath: cluster,
    socketPath: socket,
    command: (program, args) => [...dropTo(account), join(native, "bin", program), ...args],
  };
}

function bubblewrap({ native, cluster, socket }: LaunchPlaces, account: Account): Launcher {
  const readOnly = ["/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin"];
  const readOnlyFiles = ["passwd", "group", "nsswitch.conf", "localtime", "ld.so.cache"].map(
    (name) => `/etc/${name}`,
  );
  const prefix = [
    "bwrap",
    // Parents of mount points would be made 0700.
    ...["--perms", "0755", "--dir", "/etc"],
    ...[...readOnly, ...readOnlyFiles].flatMap((path) => ["--ro-bind-try", path, path]),
    ...["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/dev/shm"],
    ...["--ro-bind", native, "/postgres", "--bind", cluster, "/cluster", "--bind", socket, "/socket"],
    ...["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP"],
    ...["--die-with-parent", "--chdir", "/"],
  ];
  return {
    kind: "bubblewrap",
    clusterPath: "/cluster",
    socketPath: "/socket",
    command: (program, args) => [...prefix, ...dropTo(account), `/postgres/bin/${program}`, ...args],
  };
}

/** Whether the account can run the programs and write where it must: asked of the kernel, not computed. */
function canReach(launcher: Launcher, { native, socket }: LaunchPlaces, account: Account): boolean {
  const version = Bun.spawnSync(launcher.command("postgres", ["--version"]), {
    stdout: "ignore",
    stderr: "ignore",
    cwd: "/",
  });
  const write = Bun.spawnSync(
    [
      ...dropTo(account),
      "test",
      "-w",
      socket,
      "-a",
      "-r",
      join(native, "share", "postgresql", "postgres.bki"),
    ],
    { stdout: "ignore", stderr: "ignore", cwd: "/" },
  );
  return version.exitCode === 0 && write.exitCode === 0;
}

function unreachable(why: string, { cluster, native }: LaunchPlaces): OpenWorkersError {
  return new OpenWorkersError(
    "CONFIG_INVALID",
    `PostgreSQL does not run as root, and its own account cannot reach ${cluster} or ${native}: ${why}.`,
    {
      hint: "Keep the data and this program outside private directories such as /root, or run as another user.",
    },
  );
}
