import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "@openworkers/db/testing";

const programs = "/usr/lib/postgresql/15/bin";

/** A PostgreSQL 15 of Debian's, or undefined where there is none. It goes when this process ends. */
export async function startDebianPostgres(): Promise<{ url: string; restart(): Promise<void> } | undefined> {
  if (!existsSync(`${programs}/postgres`)) return undefined;
  const directory = join(temporaryDirectory(), "pg");
  mkdirSync(directory, { mode: 0o700 });
  const root = process.getuid?.() === 0;
  if (root) await run(["chown", "postgres:", directory]);
  const as = root ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] : [];
  const data = join(directory, "data");
  await run([
    ...as,
    `${programs}/initdb`,
    "--no-sync",
    "--auth=scram-sha-256",
    "--username=admin",
    `--pwfile=${await secretFile(directory, as)}`,
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    data,
  ]);
  const options = `-c listen_addresses= -c unix_socket_directories=${directory} -c fsync=off -c max_connections=60`;
  const ctl = (...words: string[]) =>
    run([...as, `${programs}/pg_ctl`, "-D", data, "-w", "-l", `${directory}/log`, "-o", options, ...words]);
  await ctl("start");
  return {
    url: `postgres:///postgres?host=${directory}&user=admin&password=secret`,
    restart: () => ctl("restart", "-m", "fast"),
  };
}

async function secretFile(directory: string, as: string[]): Promise<string> {
  const file = join(directory, "password");
  await run([...as, "sh", "-c", `umask 077; echo secret > "$0"`, file]);
  return file;
}

async function run(command: string[]): Promise<void> {
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const [code, said] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code !== 0) throw new Error(`${command.join(" ")}: ${said}`);
}
