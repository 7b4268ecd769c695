import { connectNats } from "@openworkers/bus";
import { connect, registerSealingKey, SecretKeys } from "@openworkers/db";
import { createRunner, readSettings } from "@openworkers/runner";
import { createDelays } from "@openworkers/scheduler";

/**
 * A runner, and a mover of delayed messages, in a process that a test may kill. What the workers say goes to stdout, a
 * line each, and what an operator should read to stderr.
 */
const [databaseUrl = "", server = "", keys = "", runtimeDir = ""] = process.argv.slice(2);
const report = (message: string, details: Record<string, unknown>) =>
  console.error(
    message,
    JSON.stringify(details, (_, value) => (value instanceof Error ? value.message : value)),
  );

await using parts = new AsyncDisposableStack();
const database = parts.use(connect(databaseUrl));
const secretKeys = await SecretKeys.load({ directory: keys });
await registerSealingKey(database, secretKeys);
const bus = parts.use(await connectNats({ servers: [server], report }));
const runner = parts.use(
  await createRunner({
    ...{ database, secretKeys, bus, report, runtimeDir },
    ...{ port: 0, hostname: "127.0.0.1", baseDomain: "localhost", sandbox: "bubblewrap" },
    logs: {
      emit(record) {
        if (record.kind === "line") console.log(record.message);
      },
    },
    settings: { ...readSettings({}), warmCells: 1 },
  }),
);
parts.use(createDelays({ database, bus, report }));
console.log(`ready ${runner.port}`);
await new Promise((resolve) => process.once("SIGTERM", resolve));
