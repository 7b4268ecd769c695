import {
  createDelays,
  createMailer,
  createScheduler,
  readMailSettings,
  readSchedulerSettings,
} from "@openworkers/scheduler";
import type { Command } from "commander";
import { addSchedulerMetrics, withMetricsOptions } from "../platform/metrics.ts";
import { runService, type ServiceOptions } from "../platform/service.ts";
import { defaultDataDir } from "../profile/home.ts";
import { command, withContext } from "./context.ts";

interface Options extends ServiceOptions {
  readonly json?: boolean;
}

export function schedulerCommand(): Command {
  const scheduler = command(
    "scheduler",
    "Run the service of crons, delayed messages and mail alone; `ow up` runs it with all the rest",
    ["DATABASE_URL=postgres://ow:secret@db/openworkers NATS_URL=nats://bus:4222 ow scheduler"],
  ).option("--data <dir>", "directory of its keys, without OW_SECRET_KEY", defaultDataDir());
  return withMetricsOptions(scheduler)
    .addHelpText(
      "after",
      "\nEnvironment: DATABASE_URL, the platform's database; NATS_URL, the bus; OW_SMTP_URL and OW_MAIL_FROM, how mail is sent; and those of docs/crons.md.",
    )
    .action(async (options: Options) => {
      await withContext(options, (context) =>
        runService("scheduler", options, context, async ({ ground, parts, metrics, report, openBus }) => {
          const { database, secretKeys } = ground;
          const bus = await openBus();
          const service = parts.use(
            await createScheduler({ database, bus, settings: readSchedulerSettings(process.env), report }),
          );
          parts.use(createDelays({ database, bus, report }));
          const mail = readMailSettings(process.env);
          if (mail !== undefined) parts.use(createMailer({ database, secretKeys, settings: mail, report }));
          addSchedulerMetrics(metrics, () => service.stats());
          return { text: "Crons and delayed messages are published when they are due." };
        }),
      );
    });
}
