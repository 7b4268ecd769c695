import { startEmbeddedPostgres } from "../embedded-postgres.ts";

// A process that owns an embedded PostgreSQL until it is killed. Says on stdout how it is reached.
const [dataDir] = process.argv.slice(2);
if (dataDir === undefined) throw new Error("usage: owner.ts DIRECTORY");
const server = await startEmbeddedPostgres({ dataDir });
console.log(JSON.stringify({ pid: server.pid, url: server.url }));
setInterval(() => {}, 60_000);
