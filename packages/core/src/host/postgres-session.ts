import { readFileSync } from "node:fs";

/**
 * Whether the process of this machine with this number is a session of PostgreSQL's on `database`, a name without spaces. It
 * says so itself: `postgres: [cluster: ]role database client state`. The number alone, which a server says, may be that of
 * anything here when the server is elsewhere or in a container.
 */
export function isPostgresSession(pid: number, database: string): boolean {
  let title: string;
  try {
    title = readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return false; // the process is gone or was never here, or this is not Linux
  }
  return title.startsWith("postgres: ") && title.includes(` ${database} `);
}
