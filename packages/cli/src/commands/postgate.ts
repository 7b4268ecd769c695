import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { OpenWorkersError } from "@openworkers/core";
import { connect, pendingMigrations, registerSealingKey, SecretKeys } from "@openworkers/db";
import type { Command } from "commander";
import { formatFaces, startPostgate } from "../platform/postgate.ts";
import { formatReport } from "../platform/start.ts";
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
        const { DATABASE_URL: databaseUrl, OW_SECRET_KEY: secretKey } = process.env;
        if (databaseUrl === undefined) {
          throw new OpenWorkersError("CONFIG_INVALID", "DATABASE_URL is not set.", {
            hint: "It names the platform's database. For all of a platform on this machine: ow up",
          });
        }
        const dataDir = resolve(options.data);
        await mkdir(dataDir, { recursive: true, mode: 0o700 });
        await using database = connect(databaseUrl, { applicationName: "openworkers-postgate" });
        const pending = await pendingMigrations(database);
        if (pending.length > 0) {
          throw new OpenWorkersError(
            "CONFIG_INVALID",
            `The platform's database lacks ${pending.join(", ")}.`,
            {
              hint: "Run ow migrate first.",
            },
          );
        }
        const secretKeys = await SecretKeys.load({ secretKey, directory: dataDir });
        await registerSealingKey(database, secretKeys);
        const postgate = await startPostgate({
          database,
          databaseUrl,
          secretKeys,
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
        await using service = postgate.service;
        output.result(
          { ready: true, databases: postgate.faces, pid: process.pid },
          `Tenant databases at ${formatFaces(postgate.faces)}`,
        );
        if (!signal.aborted) {
          await new Promise<void>((done) => signal.addEventListener("abort", () => done(), { once: true }));
        }
        await service.drain(drainMs);
      });
    });
}
