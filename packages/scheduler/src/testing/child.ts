/**
 * A service of its own process, to be killed: `child.ts scheduler|runner DATABASE_URL NATS`. A runner prints each run as
 * a line of JSON.
 */
import { connectNats } from "@openworkers/bus";
import { connect } from "@openworkers/db";
import { createScheduler } from "../scheduler.ts";
import { testSettings } from "./settings.ts";
import { TestRunner } from "./test-runner.ts";

const [role, databaseUrl = "", server = ""] = process.argv.slice(2);
const report = (message: string, details: Record<string, unknown>) =>
  process.stderr.write(`${message} ${JSON.stringify(details)}\n`);
const bus = await connectNats({ servers: [server], report });
if (role === "scheduler") {
  await createScheduler({ database: connect(databaseUrl), bus, report, settings: testSettings });
} else {
  await TestRunner.start(bus, async ({ eventId, attempt }) => {
    process.stdout.write(`${JSON.stringify({ eventId, attempt })}\n`);
    await Bun.sleep(50);
    return {};
  });
}
process.stdout.write("ready\n");
