import { startEmbeddedPostgres } from "@openworkers/db";
import { temporaryCluster } from "@openworkers/db/testing";
import { installedPostgres, startDebianPostgres } from "../../testing/debian-postgres.ts";

/** A PostgreSQL of a test's own, with nothing in it. */
export interface TestServer extends AsyncDisposable {
  /** As its superuser. */
  readonly url: string;
}

/** The PostgreSQL that the platform brings, and those that the system has installed: by name, how each is started. */
export const testServers: readonly (readonly [name: string, start: () => Promise<TestServer>])[] = [
  ["the embedded PostgreSQL", embedded],
  ...installedPostgres.map(
    (found) => [`PostgreSQL ${found.version}`, () => startDebianPostgres(found)] as const,
  ),
];

async function embedded(): Promise<TestServer> {
  const server = await startEmbeddedPostgres({ dataDir: temporaryCluster(), durable: false });
  return { url: server.urlOf("postgres"), [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
