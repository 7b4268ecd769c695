import { OpenWorkersError } from "@openworkers/core";
import type { Command } from "commander";
import { withMetricsOptions } from "../platform/metrics.ts";
import { formatFaces, startPostgate } from "../platform/postgate.ts";
import { runService, type ServiceOptions } from "../platform/service.ts";
import { defaultDataDir } from "../profile/home.ts";
import { command, withContext } from "./context.ts";
import { type DatabasePortOptions, databasePortsOf, withDatabasePortOptions } from "./serving-options.ts";

interface Options extends ServiceOptions, DatabasePortOptions {
  readonly json?: boolean;
}

/** How long queries under way may go on after Ctrl-C. */
const drainMs = 10_000;

export function postgateCommand(): Command {
  const postgate = command(
    "postgate",
    "Run the service of tenant databases alone; `ow up` runs it with all the rest",
    ["DATABASE_URL=postgres://ow:secret@db/openworkers OW_SECRET_KEY=owsk_… ow postgate"],
  ).option(
    "--data <dir>",
    "directory of its certificate, dumps and, without OW_SECRET_KEY, keys",
    defaultDataDir(),
  );
  return withMetricsOptions(withDatabasePortOptions(postgate))
    .addHelpText(
      "after",
      "\nEnvironment: DATABASE_URL, the platform's database; OW_SECRET_KEY; OW_TENANTS_URL and OW_POSTGATE_…: docs/operations.md.",
    )
    .action(async (options: Options) => {
      await withContext(options, (context) =>
        runService("postgate", options, context, async ({ ground, dataDir, parts, output, report }) => {
          const running = await startPostgate({
            ...ground,
            dataDir,
            ports: databasePortsOf(options),
            output,
            report,
          });
          if (running === undefined) {
            throw new OpenWorkersError("CONFIG_INVALID", "There are no tenant databases to serve.");
          }
          const { service, faces } = running;
          parts.use(service);
          parts.defer(() => service.drain(drainMs));
          return { summary: { databases: faces }, text: `Tenant databases at ${formatFaces(faces)}` };
        }),
      );
    });
}
