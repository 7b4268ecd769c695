import { chmodSync, existsSync, mkdtempSync, openSync, realpathSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { Client } from "pg";
import { parseAddress, socketUrl } from "./address.ts";
import { connect, type Database } from "./database.ts";
import { type ConnectOptions, clientConfig } from "./driver.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded/embedded-postgres.ts";
import { migrate } from "./migrate.ts";

/** A migrated database of its own for one test; disposing of it drops it. */
export interface TestDatabase extends AsyncDisposable {
  readonly database: Database;
  readonly url: string;
}

const template = "ow_template";
let cluster: Promise<TestCluster> | undefined;
let count = 0;

/**
 * A fresh, empty, migrated database. All of a process's come from one embedded PostgreSQL, which starts with
 * the first of them (about a second) and goes when the process ends, whatever ends it; each further one is a
 * copy of a template.
 *
 * @example
 * await using test = await withTestDatabase();
 * await deployVersion(test.database, { … });
 */
export async function withTestDatabase(): Promise<TestDatabase> {
  return createDatabase(template);
}

/** As `withTestDatabase`, with tables of a role that is no superuser, as a PostgreSQL of one's own may have it. */
export async function withOwnedDatabase(): Promise<TestDatabase> {
  const empty = await emptyTestDatabase();
  await using parts = new AsyncDisposableStack();
  parts.use(empty);
  const name = `owner_${++count}`;
  const { host, port, database } = parseAddress(empty.url);
  // The groups are the server's, and another test's superuser may have made them.
  await sql
    .raw(
      `create role ${name} login createrole password '${name}';
      grant ow_api, ow_identity to ${name} with admin option;
      alter database ${database} owner to ${name};`,
    )
    .execute(empty.database.kysely);
  const url = socketUrl({ host, port, database, user: name, password: name });
  const owned = parts.use(connect(url, { max: 4 }));
  await migrate(owned);
  const all = parts.move();
  return { database: owned, url, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** As `withTestDatabase`, and not migrated. */
export async function emptyTestDatabase(): Promise<TestDatabase> {
  return createDatabase("template0");
}

async function createDatabase(from: string): Promise<TestDatabase> {
  cluster ??= startCluster();
  const { server, admin } = await cluster;
  const name = `test_${++count}`;
  await admin.query(`create database ${name} template ${from}`);
  const url = server.urlOf(name);
  const database = connect(url, { max: 4 });
  return {
    database,
    url,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await admin.query(`drop database ${name} with (force)`);
    },
  };
}

/** A temporary directory that goes when this process ends, whatever ends it. */
export function temporaryDirectory(parent: string = tmpdir()): string {
  const directory = realpathSync(mkdtempSync(join(parent, "ow-test-")));
  // PostgreSQL's account may pass, where we are root.
  chmodSync(directory, 0o711);
  sweepAfterUs(directory);
  return directory;
}

/** A place for an embedded PostgreSQL; server and data go when this process ends. */
export function temporaryCluster(): string {
  return join(temporaryDirectory(), "pg");
}

/** A PostgreSQL of a test's own, which may stop it, with a migrated database. */
export interface TestServer extends AsyncDisposable {
  readonly postgres: EmbeddedPostgres;
  readonly database: Database;
  readonly url: string;
}

/** As `withTestDatabase`, but in a server of its own: for tests that stop it. It takes a second or two. */
export async function withTestServer(options: ConnectOptions = {}): Promise<TestServer> {
  await using parts = new AsyncDisposableStack();
  const postgres = parts.use(await startEmbeddedPostgres({ dataDir: temporaryCluster(), durable: false }));
  const database = parts.use(connect(postgres.url, options));
  await migrate(database);
  const owned = parts.move();
  return { postgres, database, url: postgres.url, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

interface TestCluster {
  readonly server: EmbeddedPostgres;
  readonly admin: Client;
}

async function startCluster(): Promise<TestCluster> {
  const dataDir = join(temporaryDirectory(inMemory()), "pg");
  const server = await startEmbeddedPostgres({ dataDir, durable: false });
  // One connection: a template is copied by one at a time, and only while nobody uses it.
  const admin = new Client(clientConfig(parseAddress(server.urlOf("postgres"))));
  await admin.connect();
  await admin.query(`create database ${template}`);
  await using database = connect(server.urlOf(template));
  await migrate(database);
  return { server, admin };
}

/** Where files are memory, if there is room: copying a template takes 40 ms there and 400 ms on a busy disk. */
function inMemory(): string | undefined {
  const directory = "/dev/shm";
  if (!existsSync(directory)) return undefined;
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize > 2 * 2 ** 30 ? directory : undefined;
}

/**
 * Has a shell in a session of its own wait for the end of this process, by the end of a pipe that only this
 * process holds open, and then stop the PostgreSQL in the directory and remove it. An exit handler would not
 * run after Ctrl-C or SIGKILL, and could not wait.
 */
function sweepAfterUs(directory: string): void {
  const pipe = join(directory, "alive");
  const script = `
    cat "$0/alive" > /dev/null
    data="$0/pg/data"
    pid=$(head -n 1 "$data/postmaster.pid" 2> /dev/null)
    if [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd")" = "$data" ]; then kill -QUIT "$pid"; fi
    tries=0
    while [ -e "$data/postmaster.pid" ] && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
    link=$(readlink "$0/pg/run")
    case "$link" in */ow-pg-*) rm -rf -- "$link" ;; esac
    rm -rf -- "$0"
  `;
  const made = Bun.spawnSync(["mkfifo", "-m", "600", pipe]);
  if (made.exitCode !== 0) throw new Error(`mkfifo: ${made.stderr.toString()}`);
  // Open for both, because opening it for writing alone waits for the reader. Held until this process ends.
  openSync(pipe, "r+");
  // A grandchild: `bun test` kills its children when a test takes too long.
  Bun.spawnSync(["/bin/sh", "-c", `(${script}) > /dev/null 2>&1 &`, directory], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
    detached: true,
  });
}
