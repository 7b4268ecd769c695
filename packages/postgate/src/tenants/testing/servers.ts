import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { socketUrl, startEmbeddedPostgres } from "@openworkers/db";
import { temporaryCluster, temporaryDirectory } from "@openworkers/db/testing";

/** A PostgreSQL of a test's own, with nothing in it. */
export interface TestServer extends AsyncDisposable {
  /** As its superuser. */
  readonly url: string;
}

/** The PostgreSQL that the platform brings, and those that the system has installed: by name, how each is started. */
export const testServers: readonly (readonly [name: string, start: () => Promise<TestServer>])[] = [
  ["the embedded PostgreSQL", embedded],
  ...installed().map(([version, bin]) => [`PostgreSQL ${version}`, () => system(bin)] as const),
];

async function embedded(): Promise<TestServer> {
  const server = await startEmbeddedPostgres({ dataDir: temporaryCluster(), durable: false });
  return { url: server.urlOf("postgres"), [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** Where Debian puts its programs. */
function installed(): [version: number, bin: string][] {
  const root = "/usr/lib/postgresql";
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .map((name): [number, string] => [Number(name), join(root, name, "bin")])
    .filter(([version, bin]) => version >= 15 && existsSync(join(bin, "initdb")));
}

/** As its package configures it, and with the limit of memory that docs/databases/limits.md tells operators to set. */
async function system(bin: string): Promise<TestServer> {
  const socket = temporaryDirectory();
  // Its name is what stops the server when this process is killed.
  const home = join(socket, "pg");
  const data = join(home, "data");
  const password = crypto.randomUUID();
  mkdirSync(home);
  writeFileSync(join(home, "password"), password);
  const run = asUnprivileged([socket, home, join(home, "password")]);
  await done([
    ...run,
    join(bin, "initdb"),
    `--pgdata=${data}`,
    "--username=admin",
    `--pwfile=${join(home, "password")}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--no-sync",
  ]);
  const settings = ["listen_addresses=", `unix_socket_directories=${socket}`, "port=5432", "fsync=off"];
  const server = Bun.spawn(
    [
      "/bin/sh",
      "-c",
      'ulimit -d 524288 && exec "$@"',
      "sh",
      ...run,
      join(bin, "postgres"),
      "-D",
      data,
      ...settings.flatMap((setting) => ["-c", setting]),
    ],
    { cwd: "/", stdin: "ignore", stdout: "ignore", stderr: Bun.file(join(home, "log")), detached: true },
  );
  const started = () => {
    const path = join(data, "postmaster.pid");
    return existsSync(path) && readFileSync(path, "utf8").split("\n")[7]?.trim() === "ready";
  };
  while (!started()) {
    if (server.exitCode !== null) throw new Error(readFileSync(join(home, "log"), "utf8"));
    await Bun.sleep(10);
  }
  return {
    url: socketUrl({ host: socket, port: 5432, database: "postgres", user: "admin", password }),
    async [Symbol.asyncDispose]() {
      server.kill("SIGINT");
      await server.exited;
    },
  };
}

/** PostgreSQL refuses to run as root. */
function asUnprivileged(owned: readonly string[]): string[] {
  if (process.getuid?.() !== 0) return [];
  const found = /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync("/etc/passwd", "utf8"));
  if (found === null) throw new Error("the package of PostgreSQL made no account for it");
  const [, uid = "", gid = ""] = found;
  for (const path of owned) chownSync(path, Number(uid), Number(gid));
  return [
    "setpriv",
    `--reuid=${uid}`,
    `--regid=${gid}`,
    "--clear-groups",
    "--no-new-privs",
    "--pdeathsig",
    "INT",
  ];
}

async function done(command: string[]): Promise<void> {
  const child = Bun.spawn(command, { cwd: "/", stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const [code, log] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code !== 0) throw new Error(`${command.join(" ")}: ${log}`);
}
