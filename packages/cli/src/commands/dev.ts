import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isOpenWorkersError } from "@openworkers/core";
import type { Command } from "commander";
import { bundler } from "../bundle/mod.ts";
import { develop } from "../dev/develop.ts";
import type { Output } from "../output/output.ts";
import { defaultSandbox } from "../platform/sandbox-kind.ts";
import { type RunningPlatform, startPlatform } from "../platform/start.ts";
import { chosenPlatform } from "../profile/choice.ts";
import { chooseProfile, type ProfileChoice } from "../profile/profile.ts";
import { choiceOf, platformCommand, withContext } from "./context.ts";
import { type OpenPlatform, openPlatform, platformAt } from "./platform.ts";

interface Options {
  readonly json?: boolean;
  readonly profile?: string;
  readonly port?: number;
  readonly name?: string;
  readonly env?: string;
  readonly secrets?: string;
  readonly manifestEnv?: string;
}

export function devCommand(): Command {
  return platformCommand("dev", "Deploy a worker on every change, and follow its logs", [
    "ow dev",
    "ow dev examples/hono --env .env.local",
  ])
    .argument("[path]", "a .js or .ts file, or a folder", ".")
    .option("--name <name>", "the worker's name")
    .option("--env <file>", "dotenv file whose values become vars")
    .option("--secrets <file>", "dotenv file whose values become secrets")
    .option("--manifest-env <name>", "use the manifest's env.<name> section")
    .action(async (path: string, options: Options) => {
      await withContext(options, async ({ output, signal }) => {
        await using own = new AsyncDisposableStack();
        own.use(bundler());
        const platform = own.use(await chosenOrOwn(choiceOf(options), own, output, signal));
        await develop(path, options, {
          ...platform,
          output,
          signal,
        });
      });
    });
}

// A platform that the user did not name and that does not run is started for as long as `ow dev` lasts.
async function chosenOrOwn(
  given: ProfileChoice,
  own: AsyncDisposableStack,
  output: Output,
  signal: AbortSignal,
): Promise<OpenPlatform> {
  const choice = await chosenPlatform(given);
  try {
    if (choice.api !== undefined) return await openPlatform(given);
    const profile = await chooseProfile(choice);
    return platformAt(profile.databaseUrl, profile);
  } catch (thrown) {
    if (choice.name !== undefined || !isOpenWorkersError(thrown, "NOT_FOUND")) throw thrown;
  }
  output.note("No platform is running: a temporary one is started, and its data removed at the end.");
  const dataDir = await mkdtemp(join(tmpdir(), "ow-dev-"));
  own.defer(() => rm(dataDir, { recursive: true, force: true }));
  const platform: RunningPlatform = await startPlatform({
    port: choice.port ?? 0,
    hostname: "127.0.0.1",
    baseDomain: "localhost",
    dataDir,
    sandbox: defaultSandbox,
    signal,
    output,
  });
  own.use(platform);
  return platformAt(platform.profile.databaseUrl, platform.profile);
}
