import type { Command } from "commander";
import colors from "picocolors";
import { bundler } from "../bundle/mod.ts";
import { deployPath, type Released } from "../deploy/deploy.ts";
import { describeBinding } from "../output/bindings.ts";
import { formatBytes, formatMs } from "../output/format.ts";
import { describeTaking } from "../queues/describe.ts";
import { parsePercent, platformCommand, withPlatform } from "./context.ts";

interface Options {
  readonly json?: boolean;
  readonly profile?: string;
  readonly port?: number;
  readonly name?: string;
  readonly env?: string;
  readonly secrets?: string;
  readonly percent: number;
  readonly message?: string;
  readonly manifestEnv?: string;
}

export function deployCommand(): Command {
  return platformCommand("deploy", "Bundle a worker, check that it starts, and put it live", [
    "ow deploy examples/hono",
    "ow deploy worker.ts --name hello",
    "ow deploy dist --name site",
    "ow deploy . --env .env.production --percent 10 --message 'try the new cache'",
  ])
    .argument(
      "[path]",
      "a .js or .ts file, or a folder with wrangler.jsonc, wrangler.toml, package.json or index.html",
      ".",
    )
    .option("--name <name>", "the worker's name (default: from the manifest, package.json, or the path)")
    .option("--env <file>", "dotenv file whose values become vars of the worker's environment")
    .option("--secrets <file>", "dotenv file whose values become secrets of the worker's environment")
    .option(
      "--percent <percent>",
      "share of the requests for the new version; the rest stays as it is",
      parsePercent,
      100,
    )
    .option("--message <text>", "what this version is about")
    .option("--manifest-env <name>", "use the manifest's env.<name> section")
    .action(async (path: string, options: Options) => {
      await withPlatform(options, async (context) => {
        await using _ = bundler();
        const released = await deployPath(path, options, context);
        context.output.result(released, formatReleased(released));
      });
    });
}

function formatReleased(released: Released): string {
  const { worker, version, url, previewUrl, bytes, percent, timings, bindings, assets } = released;
  const { crons = [], consumers } = released;
  const steps = Object.entries(timings).map(([step, ms]) => `${step} ${formatMs(ms)}`);
  const width = Math.max(...bindings.map(({ name }) => name.length));
  return [
    `${colors.bold(worker)} version ${version}, ${formatBytes(bytes)} ${colors.dim(`(${steps.join(", ")})`)}`,
    ...bindings.map(
      (bound) =>
        `  ${bound.name.padEnd(width)}  ${describeBinding(bound)}${bound.created ? colors.green(" (created)") : ""}`,
    ),
    ...(crons.length === 0 ? [] : [`  runs at ${crons.join(", ")} (UTC)`]),
    ...consumers.map(({ queue, settings }) => `  takes ${queue}: ${describeTaking(settings)}`),
    ...(assets === undefined
      ? []
      : [`  ${assets.files} static files, ${assets.sent} of them new (${formatBytes(assets.sentBytes)})`]),
    ...(percent === 100 ? [] : [`It gets ${percent}% of the requests, and all of those to ${previewUrl}`]),
    colors.cyan(url),
  ].join("\n");
}
