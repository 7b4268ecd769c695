import { type Address, parseAddress, startEmbeddedPostgres } from "@openworkers/db";
import { temporaryCluster } from "@openworkers/db/testing";
import { installedPostgres, startDebianPostgres } from "./debian-postgres.ts";

/** A PostgreSQL of a test's own, that it may kill. */
export interface TestServer extends AsyncDisposable {
  /** As its superuser. */
  readonly url: string;
  readonly address: Address;
  /** Ends it as a crash would, or starts it again. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

/**
 * The servers that everything must be true on, and how each is started: the one that comes with the platform, and those
 * that are installed.
 */
export const testServers: readonly (readonly [name: string, start: () => Promise<TestServer>])[] = [
  ["PostgreSQL 18, embedded", embedded],
  ...installedPostgres.map(
    (found) => [`PostgreSQL ${found.version}, Debian's`, () => startDebianPostgres(found)] as const,
  ),
];

export async function embedded(): Promise<TestServer> {
  const postgres = await startEmbeddedPostgres({ dataDir: temporaryCluster(), durable: false });
  const url = postgres.urlOf("postgres");
  return {
    url,
    address: parseAddress(url),
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
