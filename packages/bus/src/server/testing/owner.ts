import { startNatsServer } from "../nats-server.ts";

// A process that owns a nats-server until it is killed. Says on stdout how it is reached.
const [dataDir] = process.argv.slice(2);
if (dataDir === undefined) throw new Error("usage: owner.ts DIRECTORY");
const server = await startNatsServer({
  dataDir,
  report: (message, details) => console.error(message, details),
});
if (server === undefined) throw new Error("there is no nats-server");
console.log(JSON.stringify({ pid: server.pid, ...server.connection }));
setInterval(() => {}, 60_000);
