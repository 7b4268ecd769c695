import { mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { parseAddress } from "./address.ts";
import { connect, type Database } from "./database.ts";
import { clientConfig } from "./driver.ts";
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
  cluster ??= startCluster();
  const { server, admin } = await cluster;
  const name = `test_${++count}`;
  await admin.query(`create database ${name} template ${template}`);
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

/** A temporary directory that goes when this process ends, with the PostgreSQL whose cluster it holds in `pg`. */
export function temporaryCluster(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "ow-test-")));
  sweepAfterUs(directory);
  return join(directory, "pg");
}

interface TestCluster {
  readonly server: EmbeddedPostgres;
  readonly admin: Client;
}

async function startCluster(): Promise<TestCluster> {
  const server = await startEmbeddedPostgres({ dataDir: temporaryCluster(), durable: false });
  // One connection: a template is copied by one at a time, and only while nobody uses it.
  const admin = new Client(clientConfig(parseAddress(server.urlOf("postgres"))));
  await admin.connect();
  await admin.query(`create database ${template}`);
  await using database = connect(server.urlOf(template));
  await migrate(database);
  return { server, admin };
}

/**
 * Has a shell in a session of its own wait for the end of this process, by the end of a pipe that only this
 * process holds, and then stop the PostgreSQL in the directory and remove it. An exit handler would not run
 * after Ctrl-C or SIGKILL, and could not wait.
 */
function sweepAfterUs(directory: string): void {
  const script = `
    cat > /dev/null
    pid=$(head -n 1 "$0/pg/data/postmaster.pid" 2> /dev/null)
    if [ -n "$pid" ]; then kill -QUIT "$pid" 2> /dev/null; fi
    tries=0
    while [ -e "$0/pg/data/postmaster.pid" ] && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
    link=$(readlink "$0/pg/run") && rm -rf -- "$link"
    rm -rf -- "$0"
  `;
  const sweeper = Bun.spawn(["/bin/sh", "-c", script, directory], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
    detached: true,
  });
  sweeper.unref();
}
