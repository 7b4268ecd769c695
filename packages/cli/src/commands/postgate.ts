import { resolve } from "node:path";
import { OpenWorkersError } from "@openworkers/core";
import type { Command } from "commander";
import { formatFaces, startPostgate } from "../platform/postgate.ts";
import { formatReport } from "../platform/report.ts";
import { openGround, untilStopped } from "../platform/service.ts";
import { defaultDataDir } from "../profile/home.ts";
import { command, parsePort, withContext } from "./context.ts";

interface Options {
  readonly json?: boolean;
  readonly data: string;
  readonly postgresPort?: number;
  readonly databasesPort?: number;
}

/** How long queries under way may go on after Ctrl-C. */
const drainMs = 10_000;

export function postgateCommand(): Command {
  return command("postgate", "Run the service of tenant databases alone; `ow up` runs it with all the rest", [
    "DATABASE_URL=postgres://ow:secret@db/openworkers OW_SECRET_KEY=owsk_… ow postgate",
  ])
    .option(
      "--data <dir>",
      "directory of its certificate, dumps and, without OW_SECRET_KEY, keys",
      defaultDataDir(),
    )
    .option(
      "--postgres-port <port>",
      "port of PostgreSQL's protocol (default: 6432, or a free one)",
      parsePort,
    )
    .option("--databases-port <port>", "port of HTTP (default: 6433, or a free one)", parsePort)
    .addHelpText(
      "after",
      "\nEnvironment: DATABASE_URL, the platform's database; OW_SECRET_KEY; OW_TENANTS_URL and OW_POSTGATE_…: docs/operations.md.",
    )
    .action(async (options: Options) => {
      await withContext(options, async ({ output, signal }) => {
        await using parts = new AsyncDisposableStack();
        const dataDir = resolve(options.data);
        const ground = await openGround(parts, { name: "postgate", dataDir });
        const postgate = await startPostgate({
          ...ground,
          dataDir,
          ports: {
            ...(options.postgresPort === undefined ? {} : { postgres: options.postgresPort }),
            ...(options.databasesPort === undefined ? {} : { http: options.databasesPort }),
          },
          output,
          report: (message, details) => output.warn(formatReport(message, details)),
        });
        if (postgate === undefined) {
          throw new OpenWorkersError("CONFIG_INVALID", "There are no tenant databases to serve.");
        }
        parts.use(postgate.service);
        output.result(
          { ready: true, databases: postgate.faces, pid: process.pid },
          `Tenant databases at ${formatFaces(postgate.faces)}`,
        );
        await untilStopped(signal);
        await postgate.service.drain(drainMs);
      });
    });
}
