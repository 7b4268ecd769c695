import { messageOf } from "@openworkers/core";
import type { Command } from "commander";
import type { EnvironmentBinding } from "../backend/backend.ts";
import { describeBinding } from "../output/bindings.ts";
import { UsageError } from "../output/failure.ts";
import { formatTable } from "../output/format.ts";
import { group, platformCommand, withPlatform } from "./context.ts";

interface Options {
  readonly json?: boolean;
}

interface AddOptions extends Options {
  readonly kv?: string;
  readonly storage?: string;
  readonly database?: string;
  readonly hyperdrive?: string;
  readonly queue?: string;
  readonly worker?: string;
  readonly entrypoint?: string;
  readonly props?: string;
}

export function bindingsCommand(): Command {
  const bindings = group("bindings", "What the names on a worker's env lead to", [
    "ow bindings list hello",
    "ow bindings add hello SESSIONS --kv sessions",
    "ow bindings remove hello SESSIONS",
  ]);
  bindings
    .addCommand(
      platformCommand("list", "List what a worker is bound to", ["ow bindings list hello"])
        .argument("<worker>")
        .action(async (worker: string, options: Options) => {
          await withPlatform(options, async ({ backend, output }) => {
            const list = await backend.bindings(worker);
            const rows = list.map((binding) => [
              binding.name,
              describeBinding(binding),
              binding.source === "version" ? "manifest" : "environment",
            ]);
            output.result(
              list,
              formatTable(["name", "bound to", "set by"], rows, `${worker} is bound to nothing.`),
            );
          });
        }),
    )
    .addCommand(
      platformCommand(
        "add",
        "Bind a name to something that is there, without a deploy; it goes before the manifest's",
        [
          "ow bindings add hello SESSIONS --kv sessions",
          "ow bindings add hello FILES --storage pictures",
          "ow bindings add hello DB --database shop",
          'ow bindings add hello ADMIN --worker backend --entrypoint Admin --props \'{"role":"editor"}\'',
        ],
      )
        .argument("<worker>")
        .argument("<name>", "the name on the worker's env")
        .option("--kv <namespace>", "a KV namespace, by name or id")
        .option("--storage <bucket>", "a bucket, by name or id")
        .option("--database <database>", "a database, by name or id: for queries")
        .option("--hyperdrive <database>", "a database, by name or id: for PostgreSQL drivers")
        .option("--queue <queue>", "a queue, by name or id: to send to it")
        .option("--worker <worker>", "another worker of the same owner, or the worker itself")
        .option("--entrypoint <class>", "with --worker: an exported class instead of the default export")
        .option("--props <json>", "with --worker: an object that the other worker sees as ctx.props")
        .action(async (worker: string, name: string, options: AddOptions) => {
          const binding = wanted(options);
          await withPlatform(options, async ({ backend, output }) => {
            await backend.addBindings(worker, new Map([[name, binding]]));
            const added = (await backend.bindings(worker)).find((candidate) => candidate.name === name);
            output.result(
              { worker, ...added },
              `${name} of ${worker}: ${added === undefined ? binding.kind : describeBinding(added)}.`,
            );
          });
        }),
    )
    .addCommand(
      platformCommand("remove", "Remove bindings of the environment; the manifest's take their place", [
        "ow bindings remove hello SESSIONS",
      ])
        .argument("<worker>")
        .argument("<name...>")
        .action(async (worker: string, names: string[], options: Options) => {
          await withPlatform(options, async ({ backend, output }) => {
            const removed = await backend.removeBindings(worker, names);
            output.result(
              { worker, removed },
              removed.length === 0
                ? "The environment holds none of them; a manifest's go with the next deploy without them."
                : `Removed ${removed.join(", ")}.`,
            );
          });
        }),
    );
  return bindings;
}

function wanted(options: AddOptions): EnvironmentBinding {
  const { kv, storage, database, hyperdrive, queue, worker, entrypoint, props } = options;
  const given = [kv, storage, database, hyperdrive, queue, worker].filter((name) => name !== undefined);
  if (given.length !== 1) {
    throw new UsageError("Give one of --kv, --storage, --database, --hyperdrive, --queue and --worker.");
  }
  if (worker !== undefined) return { kind: "worker", worker, entrypoint, props: parseProps(props) };
  if (entrypoint !== undefined || props !== undefined) {
    throw new UsageError("--entrypoint and --props go with --worker.");
  }
  if (database !== undefined) return { kind: "database", database };
  if (hyperdrive !== undefined) return { kind: "hyperdrive", database: hyperdrive };
  if (queue !== undefined) return { kind: "queue", queue };
  return kv === undefined ? { kind: "storage", bucket: storage } : { kind: "kv", namespace: kv };
}

function parseProps(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return JSON.stringify(value);
  } catch (thrown) {
    throw new UsageError(`--props is not JSON: ${messageOf(thrown)}`);
  }
  throw new UsageError("--props is not a JSON object.");
}
