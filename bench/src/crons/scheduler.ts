/** A scheduler as a process of its own: `scheduler.ts DATABASE_URL NATS`. Says when it is ready. */
import { connectNats } from "@openworkers/bus";
import { connect } from "@openworkers/db";
import { createScheduler } from "@openworkers/scheduler";

const [databaseUrl = "", server = ""] = process.argv.slice(2);
const report = (message: string, details: Record<string, unknown>) => console.error(message, details);
const bus = await connectNats({ servers: [server], report });
await createScheduler({ database: connect(databaseUrl), bus, report });
console.log("ready");
