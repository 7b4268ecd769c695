import { registerSealingKey, SecretKeys } from "@openworkers/db";
import type { Command } from "commander";
import { placesOf, withDatabase } from "../platform/direct.ts";
import { reportTo } from "../platform/report.ts";
import { defaultSandbox } from "../platform/sandbox-kind.ts";
import { untilStopped } from "../platform/service.ts";
import { readSystemSettings } from "../platform/system-workers/settings.ts";
import { defaultDataDir } from "../profile/home.ts";
import { group, parsePort, platformCommand } from "./context.ts";

interface Options {
  readonly json?: boolean;
  readonly profile?: string;
  readonly port?: number;
}

interface ServeOptions extends Options {
  readonly listen: number;
  readonly host: string;
}

export function apiCommand(): Command {
  return group("api", "Put the API live again, or serve it without the platform", [
    "ow api deploy",
    "ow api serve",
  ])
    .addCommand(deployCommand())
    .addCommand(serveCommand(), { isDefault: true });
}

function deployCommand(): Command {
  return platformCommand("deploy", "Put this release's API live, whatever was in its place", [
    "ow api deploy",
    "DATABASE_URL=postgres://ow:secret@db/openworkers OW_API_URL=https://api.example.com ow api deploy",
  ]).action(async (options: Options) => {
    await withDatabase(options, async (platform) => {
      const { database, output, signal, profile } = platform;
      const { deploySystemWorkers } = await import("../platform/system-workers/system-workers.ts");
      const dataDir = profile?.dataDir ?? defaultDataDir();
      const secretKeys = await SecretKeys.load({ secretKey: process.env.OW_SECRET_KEY, directory: dataDir });
      await registerSealingKey(database, secretKeys);
      const places = await placesOf(platform);
      const { baseUrl } = places;
      const workers = await output.step("Put the API live", () =>
        deploySystemWorkers({
          ...{ database, secretKeys, dataDir, signal },
          ...places,
          sandbox: profile?.sandbox ?? defaultSandbox,
          settings: readSystemSettings(process.env),
          force: true,
        }),
      );
      const made = workers.flatMap(({ name, version }) =>
        version === undefined ? [] : [`${name} version ${version}`],
      );
      output.result(
        { url: `${baseUrl}/v1`, workers },
        made.length === 0 ? `Nothing to do: ${baseUrl}/v1` : `${made.join(", ")}: ${baseUrl}/v1`,
      );
    });
  });
}

function serveCommand(): Command {
  return platformCommand("serve", "Serve the API from this process, when the platform cannot", [
    "ow api",
    "ow api serve --listen 8790",
  ])
    .option("--listen <port>", "port to listen on; 0 picks a free one", parsePort, 8790)
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .action(async (options: ServeOptions) => {
      await withDatabase(options, async ({ database, databaseUrl, profile, output, signal }) => {
        const { serveApi } = await import("../platform/system-workers/serve-api.ts");
        const dataDir = profile?.dataDir ?? defaultDataDir();
        const { OW_LOGS_URL, OW_SECRET_KEY } = process.env;
        const logsUrl = OW_LOGS_URL || profile?.logsUrl;
        await using api = await output.step("Start the API", async () =>
          serveApi({
            ...{ database, databaseUrl, dataDir, output },
            secretKeys: await SecretKeys.load({ secretKey: OW_SECRET_KEY, directory: dataDir }),
            sandbox: profile?.sandbox ?? defaultSandbox,
            settings: readSystemSettings(process.env),
            hostname: options.host,
            port: options.listen,
            report: reportTo(output),
            ...(logsUrl === undefined ? {} : { logsUrl }),
          }),
        );
        output.result({ ready: true, url: api.url, pid: process.pid }, `The API is at ${api.url}`);
        await untilStopped(signal);
      });
    });
}
