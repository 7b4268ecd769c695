import { existsSync } from "node:fs";
import { OpenWorkersError } from "@openworkers/core";
import type { Account } from "@openworkers/core/host";

/** How nats-server is started, and where it sees its directory. */
export interface Launch {
  readonly directory: string;
  readonly command: string[];
}

/**
 * As `account` when there is one, and told to stop when we die. Where the account cannot reach `directory`, because it is
 * below a private one such as /root, a mount namespace shows it elsewhere.
 *
 * @throws OpenWorkersError CONFIG_INVALID when the account cannot be given its directory
 */
export function chooseLaunch(program: string, directory: string, account: Account | undefined): Launch {
  const drop = dropTo(account);
  if (account === undefined || succeeds([...drop, "test", "-x", directory, "-a", "-w", directory])) {
    return { directory, command: [...drop, program, "--config", configIn(directory)] };
  }
  const into = ["/mnt", "/media", "/srv", "/opt"].find((path) => existsSync(path)) ?? "/tmp";
  const shown = `${into}/nats`;
  const prefix = ["unshare", "--mount", "/bin/sh", "-c", showDirectory, "sh", into, directory];
  if (!succeeds([...prefix, ...drop, "test", "-w", shown])) {
    throw new OpenWorkersError("CONFIG_INVALID", `nats-server's own account cannot reach ${directory}.`, {
      hint: "Keep the data outside private directories such as /root, or run as another user.",
    });
  }
  return { directory: shown, command: [...prefix, ...drop, program, "--config", configIn(shown)] };
}

const configIn = (directory: string) => `${directory}/nats.conf`;

// Setting the signal has to come after the change of user, which clears it (prctl(2), PR_SET_PDEATHSIG).
function dropTo(account: Account | undefined): string[] {
  if (Bun.which("setpriv") === null) {
    if (account === undefined) return [];
    throw new OpenWorkersError(
      "CONFIG_INVALID",
      "nats-server does not run as root, and there is no `setpriv`.",
      {
        hint: "Install util-linux, or run as another user.",
      },
    );
  }
  const drop =
    account === undefined
      ? []
      : [
          `--reuid=${account.uid}`,
          `--regid=${account.gid}`,
          "--clear-groups",
          "--bounding-set=-all",
          "--inh-caps=-all",
          "--no-new-privs",
        ];
  return ["setpriv", ...drop, "--pdeathsig", "TERM"];
}

// In a mount namespace of its own: nobody else sees the mount, and it ends with the process.
const showDirectory = `
  set -e
  mount -t tmpfs -o mode=0755,size=64k openworkers "$1"
  mkdir "$1/nats"
  mount --rbind "$2" "$1/nats"
  cd "$1/nats"
  shift 2
  exec "$@"
`;

function succeeds(command: string[]): boolean {
  return Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore", cwd: "/" }).exitCode === 0;
}
