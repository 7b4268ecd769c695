import { readFileSync, statSync } from "node:fs";
import { OpenWorkersError } from "@openworkers/core";

/** The user that PostgreSQL runs as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

// Best first: an account of our own if the operator made one, PostgreSQL's, and the one every system has.
const candidates = ["openworkers", "postgres", "nobody"];

/**
 * The unprivileged account for PostgreSQL, which refuses to run as root: that of `dataPath` when it exists
 * already, else an existing system account. `undefined` when we are not root, and PostgreSQL runs as we do.
 *
 * @throws OpenWorkersError CONFIG_INVALID when the system has no such account.
 */
export function accountFor(dataPath: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const stat = statSync(dataPath, { throwIfNoEntry: false });
  if (stat !== undefined && stat.uid !== 0) return { uid: stat.uid, gid: stat.gid };
  const users = new Map(
    readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .map((line) => line.split(":"))
      .map(([name, , uid, gid]) => [name, { uid: Number(uid), gid: Number(gid) }]),
  );
  for (const name of candidates) {
    const user = users.get(name);
    if (user !== undefined && user.uid > 0) return user;
  }
  throw new OpenWorkersError(
    "CONFIG_INVALID",
    "PostgreSQL does not run as root, and no other account is there.",
    {
      hint: "Create one: useradd --system openworkers",
    },
  );
}
