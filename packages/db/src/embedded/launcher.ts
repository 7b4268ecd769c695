import { existsSync } from "node:fs";
import { join } from "node:path";
import { OpenWorkersError } from "@openworkers/core";
import type { Account } from "@openworkers/core/host";

/** How PostgreSQL's programs are started, and where they see their directories. */
export interface Launcher {
  readonly kind: "direct" | "setpriv" | "mount-namespace";
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
 * - `mount-namespace`: we are root, and it cannot, because they are below a private directory such as /root;
 *   a mount namespace shows it these places elsewhere.
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
  const wrapped = mountNamespace(places, account);
  const probe = Bun.spawnSync(wrapped.command("postgres", ["--version"]), {
    stderr: "pipe",
    stdout: "ignore",
  });
  if (probe.exitCode !== 0) throw unreachable(probe.stderr.toString().trim().slice(0, 500), places);
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

// In a mount namespace of its own, so nobody else sees these mounts, and they end with the process. Nothing stays
// between us and PostgreSQL: with bubblewrap there would be its own process, which has no right to pass the
// signal on when we die.
const showPlaces = `
  set -e
  mount -t tmpfs -o mode=0755,size=64k openworkers "$1"
  mkdir "$1/postgres" "$1/cluster" "$1/socket"
  mount --rbind "$2" "$1/postgres"
  mount --rbind "$3" "$1/cluster"
  mount --rbind "$4" "$1/socket"
  shift 4
  exec "$@"
`;

function mountNamespace({ native, cluster, socket }: LaunchPlaces, account: Account): Launcher {
  // Any directory that is there and does not hide the places.
  const top = ["/mnt", "/media", "/srv", "/opt"].find(
    (path) =>
      existsSync(path) && ![native, cluster, socket].some((place) => `${place}/`.startsWith(`${path}/`)),
  );
  const into = top ?? "/tmp";
  const prefix = ["unshare", "--mount", "/bin/sh", "-c", showPlaces, "sh", into, native, cluster, socket];
  return {
    kind: "mount-namespace",
    clusterPath: join(into, "cluster"),
    socketPath: join(into, "socket"),
    command: (program, args) => [
      ...prefix,
      ...dropTo(account),
      join(into, "postgres", "bin", program),
      ...args,
    ],
  };
}

/** Whether the account can run the programs and reach its directories: asked of the kernel, not computed. */
function canReach(launcher: Launcher, { native, cluster, socket }: LaunchPlaces, account: Account): boolean {
  const bki = join(native, "share", "postgresql", "postgres.bki");
  const questions = [
    launcher.command("postgres", ["--version"]),
    [...dropTo(account), "test", "-r", bki, "-a", "-x", cluster, "-a", "-w", socket],
  ];
  return questions.every(
    (command) => Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore", cwd: "/" }).exitCode === 0,
  );
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
