import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "@openworkers/db/testing";
import { ownCertificate } from "../listener/certificate.ts";

const programs = "/usr/lib/postgresql/15/bin";

export interface DebianPostgres {
  readonly url: string;
  /** Where it speaks TLS, on this machine. */
  readonly port: number;
  /** The certificate it shows, for `localhost`. It signed it itself. */
  readonly certificate: string;
  restart(): Promise<void>;
}

/** A PostgreSQL 15 of Debian's, or undefined where there is none. It goes when this process ends. */
export async function startDebianPostgres(): Promise<DebianPostgres | undefined> {
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
  const port = freePort();
  const { cert, key } = ownCertificate(directory, ["localhost"]);
  await run([
    ...as,
    "sh",
    "-c",
    `umask 077; printf %s "$1" > "$0/tls.crt"; printf %s "$2" > "$0/tls.key"`,
    directory,
    cert,
    key,
  ]);
  const settings = {
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: directory,
    ssl: "on",
    ssl_cert_file: `${directory}/tls.crt`,
    ssl_key_file: `${directory}/tls.key`,
    fsync: "off",
    max_connections: 60,
  };
  const options = Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(" ");
  const ctl = (...words: string[]) =>
    run([...as, `${programs}/pg_ctl`, "-D", data, "-w", "-l", `${directory}/log`, "-o", options, ...words]);
  await ctl("start");
  return {
    url: `postgres:///postgres?host=${directory}&port=${port}&user=admin&password=secret`,
    port,
    certificate: cert,
    restart: () => ctl("restart", "-m", "fast"),
  };
}

function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  server.stop(true);
  return server.port;
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
