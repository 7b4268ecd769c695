import { connectNats } from "@openworkers/bus";
import { connect } from "@openworkers/db";
import { z } from "zod";
import { createLogsService } from "../service.ts";
import { readLogsSettings } from "../settings.ts";

// A logs service as a process of its own, which a test can kill. Prints its URL.
const { DATABASE_URL, NATS_SERVERS } = z
  .object({ DATABASE_URL: z.string(), NATS_SERVERS: z.string() })
  .parse(process.env);
const report = (message: string, details: Record<string, unknown>) => console.error(message, details);
const service = await createLogsService({
  database: connect(DATABASE_URL, { max: 2 }),
  bus: await connectNats({ servers: NATS_SERVERS.split(","), report }),
  ports: [0],
  settings: readLogsSettings({}),
  report,
});
console.log(service.url);
