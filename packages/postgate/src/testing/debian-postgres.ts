import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type Address, parseAddress, socketUrl } from "@openworkers/db";
import { temporaryDirectory } from "@openworkers/db/testing";
import { ownCertificate } from "../wire/listener/certificate.ts";

/** A PostgreSQL that the system has installed. */
export interface InstalledPostgres {
  readonly version: number;
  /** Where its programs are. */
  readonly bin: string;
}

/** A cluster of a test's own. It goes when this process ends. */
export interface DebianPostgres extends AsyncDisposable {
  /** As its superuser. */
  readonly url: string;
  readonly address: Address;
  readonly password: string;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  start(): Promise<void>;
  restart(): Promise<void>;
}

export interface TlsPostgres extends DebianPostgres {
  /** On this machine, with TLS and without. */
  readonly port: number;
  /** The one it shows, for `localhost`. It signed it itself. */
  readonly certificate: string;
}

/** From version 15 on. In CI there must be one: `./setup --dev` brings it, and tests on it must not be left out unseen. */
export const installedPostgres: readonly InstalledPostgres[] = installed();

function installed(): InstalledPostgres[] {
  // Where Debian puts its programs.
  const root = "/usr/lib/postgresql";
  const found = (existsSync(root) ? readdirSync(root) : [])
    .map((name) => ({ version: Number(name), bin: join(root, name, "bin") }))
    .filter(({ version, bin }) => version >= 15 && existsSync(join(bin, "initdb")));
  if (found.length === 0 && process.env.CI === "true") {
    throw new Error(`There is no PostgreSQL in ${root}, which tests need: ./setup --dev installs it.`);
  }
  return found;
}

const settings = { fsync: "off", max_connections: "60" };

/** Starts one as its package configures it, with the limit of memory that docs/databases/limits.md tells operators to set. */
export async function startDebianPostgres({ bin }: InstalledPostgres): Promise<DebianPostgres> {
  const home = cluster();
  return run(bin, home, 5432, { ...settings, listen_addresses: "" });
}

/** Starts one that is reached by TCP too, and speaks TLS there. */
export async function startTlsPostgres({ bin }: InstalledPostgres): Promise<TlsPostgres> {
  const home = cluster();
  const { cert, key } = ownCertificate(temporaryDirectory(), ["localhost"]);
  const [certFile, keyFile] = [join(home, "tls.crt"), join(home, "tls.key")];
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key, { mode: 0o600 });
  const port = freePort();
  const server = await run(bin, home, port, {
    ...settings,
    listen_addresses: "127.0.0.1",
    ssl: "on",
    ssl_cert_file: certFile,
    ssl_key_file: keyFile,
  });
  return Object.assign(server, { port, certificate: cert });
}

/** Its name is what stops the server when this process is killed. */
function cluster(): string {
  const home = join(temporaryDirectory(), "pg");
  mkdirSync(home);
  // Sockets are in it, which every account may connect to.
  chmodSync(home, 0o711);
  return home;
}

async function run(
  bin: string,
  home: string,
  port: number,
  options: Readonly<Record<string, string>>,
): Promise<DebianPostgres> {
  const data = join(home, "data");
  const password = crypto.randomUUID();
  writeFileSync(join(home, "password"), password);
  const as = asUnprivileged(home);
  const made = spawn([
    ...as,
    join(bin, "initdb"),
    `--pgdata=${data}`,
    "--username=admin",
    `--pwfile=${join(home, "password")}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--no-sync",
  ]);
  const [code, said] = await Promise.all([made.exited, new Response(made.stderr).text()]);
  if (code !== 0) throw new Error(`initdb: ${said}`);
  const given = Object.entries({ ...options, unix_socket_directories: home, port: String(port) });
  const program = [
    join(bin, "postgres"),
    "-D",
    data,
    ...given.flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
  let server: ReturnType<typeof spawn> | undefined;
  const start = async () => {
    server = spawn(["/bin/sh", "-c", 'ulimit -d 524288 && exec "$@"', "sh", ...as, ...program]);
    await ready(server);
  };
  const end = async (signal: NodeJS.Signals) => {
    server?.kill(signal);
    await server?.exited;
    server = undefined;
  };
  await start();
  const url = socketUrl({ host: home, port, database: "postgres", user: "admin", password });
  return {
    url,
    address: parseAddress(url),
    password,
    start,
    kill: () => end("SIGQUIT"),
    async restart() {
      await end("SIGINT");
      await start();
    },
    [Symbol.asyncDispose]: () => end("SIGINT"),
  };
}

function spawn(command: string[]) {
  return Bun.spawn(command, { cwd: "/", stdin: "ignore", stdout: "ignore", stderr: "pipe", detached: true });
}

/** Resolves when the server says that it takes sessions. */
async function ready(server: { readonly stderr: ReadableStream<Uint8Array> }): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Read to its end: a full pipe would stop the server.
  const read = async () => {
    let log = "";
    const decoder = new TextDecoder();
    for await (const piece of server.stderr) {
      log = (log + decoder.decode(piece, { stream: true })).slice(-4_000);
      if (log.includes("ready to accept connections")) resolve();
    }
    reject(new Error(`PostgreSQL did not start: ${log}`));
  };
  void read();
  return promise;
}

/** How to run as the account of the package, which is given `home`: PostgreSQL refuses to run as root. */
function asUnprivileged(home: string): string[] {
  const always = ["setpriv", "--pdeathsig", "INT", "--no-new-privs"];
  if (process.getuid?.() !== 0) return always;
  const found = /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync("/etc/passwd", "utf8"));
  if (found === null) throw new Error("the package of PostgreSQL made no account for it");
  const [, uid = "", gid = ""] = found;
  for (const path of [home, ...readdirSync(home).map((name) => join(home, name))]) {
    chownSync(path, Number(uid), Number(gid));
  }
  return [...always, `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
}

function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  server.stop(true);
  return server.port;
}
