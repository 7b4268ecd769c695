import { chownSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Address, parseAddress, startEmbeddedPostgres } from "@openworkers/db";
import { temporaryCluster, temporaryDirectory } from "@openworkers/db/testing";

/** A PostgreSQL of a test's own, that it may kill. */
export interface TestServer extends AsyncDisposable {
  /** A superuser's. */
  readonly address: Address;
  /** Ends it as a crash would, or starts it again. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

const debian = "/usr/lib/postgresql/15/bin";

/** The servers that everything must be true on: the one that comes with the platform, and Debian's where it is installed. */
export const testServers: Readonly<Record<string, () => Promise<TestServer>>> = {
  "PostgreSQL 18, embedded": embedded,
  ...(existsSync(debian) ? { "PostgreSQL 15, Debian's": debian15 } : {}),
};

export async function embedded(): Promise<TestServer> {
  const postgres = await startEmbeddedPostgres({ dataDir: temporaryCluster(), durable: false });
  return {
    address: parseAddress(postgres.urlOf("postgres")),
    async kill() {
      const ended = Promise.withResolvers<void>();
      using _ = postgres.onExit(() => ended.resolve());
      if (postgres.pid === undefined) throw new Error("PostgreSQL does not run");
      process.kill(postgres.pid, "SIGQUIT");
      await ended.promise;
    },
    start: () => postgres.start(),
    [Symbol.asyncDispose]: () => postgres[Symbol.asyncDispose](),
  };
}

async function debian15(): Promise<TestServer> {
  const cluster = join(temporaryDirectory(), "pg");
  const data = join(cluster, "data");
  mkdirSync(cluster, { mode: 0o755 });
  const account = process.getuid?.() === 0 ? await postgresAccount() : undefined;
  if (account !== undefined) chownSync(cluster, account.uid, account.gid);
  const as =
    account === undefined
      ? []
      : ["setpriv", `--reuid=${account.uid}`, `--regid=${account.gid}`, "--clear-groups"];
  const run = (program: string, ...args: string[]) =>
    Bun.spawn([...as, "setpriv", "--pdeathsig", "INT", join(debian, program), ...args], {
      cwd: "/",
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
  const made = run(
    "initdb",
    "-D",
    data,
    "-U",
    "postgres",
    "--auth=trust",
    "-E",
    "UTF8",
    "--locale=C",
    "--no-sync",
  );
  if ((await made.exited) !== 0) throw new Error(await made.stderr.text());
  const address: Address = {
    host: cluster,
    port: 5432,
    database: "postgres",
    user: "postgres",
    password: undefined,
    tls: "disable",
  };
  const settings = [
    "listen_addresses=",
    `unix_socket_directories=${cluster}`,
    "fsync=off",
    "shared_buffers=16MB",
  ];
  let server: ReturnType<typeof run> | undefined;
  const start = async () => {
    server = run("postgres", "-D", data, ...settings.flatMap((setting) => ["-c", setting]));
    await ready(server);
  };
  const end = async (signal: NodeJS.Signals) => {
    server?.kill(signal);
    await server?.exited;
    server = undefined;
  };
  await start();
  return { address, start, kill: () => end("SIGQUIT"), [Symbol.asyncDispose]: () => end("SIGINT") };
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

async function postgresAccount(): Promise<{ readonly uid: number; readonly gid: number }> {
  const entry = (await Bun.file("/etc/passwd").text())
    .split("\n")
    .find((line) => line.startsWith("postgres:"));
  const [, , uid, gid] = entry?.split(":") ?? [];
  if (uid === undefined || gid === undefined) throw new Error("there is no account `postgres`");
  return { uid: Number(uid), gid: Number(gid) };
}
