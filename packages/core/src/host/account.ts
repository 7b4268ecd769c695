import { readFileSync, statSync } from "node:fs";
import { OpenWorkersError } from "../errors.ts";

/** The user that a server of ours runs as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** A program that is not to run as root, and the accounts that it may run as, the best first. */
export interface Unprivileged {
  readonly name: string;
  readonly accounts: readonly string[];
}

/**
 * The unprivileged account for `server`, which is not to run as root: that of `dataPath` when it exists
 * already, else an existing system account. `undefined` when we are not root, and the server runs as we do.
 *
 * @throws OpenWorkersError CONFIG_INVALID when the system has no such account.
 */
export function accountFor(dataPath: string, server: Unprivileged): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const stat = statSync(dataPath, { throwIfNoEntry: false });
  if (stat !== undefined && stat.uid !== 0) return { uid: stat.uid, gid: stat.gid };
  const users = new Map(
    readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .map((line) => line.split(":"))
      .map(([name, , uid, gid]) => [name, { uid: Number(uid), gid: Number(gid) }]),
  );
  for (const name of server.accounts) {
    const user = users.get(name);
    if (user !== undefined && user.uid > 0) return user;
  }
  throw new OpenWorkersError(
    "CONFIG_INVALID",
    `${server.name} does not run as root, and no other account is there.`,
    {
      hint: "Create one: useradd --system openworkers",
    },
  );
}
