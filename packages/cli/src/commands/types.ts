import { readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { OpenWorkersError } from "@openworkers/core";
import type { Bound } from "@openworkers/core/env-types";
import type { Command } from "commander";
import { readDotenv } from "../dotenv.ts";
import { loadProject, type Project } from "../manifest/project.ts";
import { UsageError } from "../output/failure.ts";
import type { Output } from "../output/output.ts";
import { declarations, signature, typesFile } from "../types/declarations.ts";
import { platformCommand, withContext, withPlatform } from "./context.ts";

interface Options {
  readonly json?: boolean;
  readonly profile?: string;
  readonly port?: number;
  readonly check?: boolean;
  readonly stdout?: boolean;
  readonly remote?: boolean;
  readonly output?: string;
  readonly name?: string;
  readonly env?: string;
  readonly secrets?: string;
  readonly with: readonly string[];
  readonly manifestEnv?: string;
}

export function typesCommand(): Command {
  return platformCommand("types", "Write the TypeScript types of a worker's env, from its manifest", [
    "ow types",
    "ow types . --with ../backend --secrets .secrets",
    "ow types --check",
  ])
    .argument("[path]", "a folder with a manifest, as for ow deploy", ".")
    .option("--output <file>", "the file to write (default: worker-configuration.d.ts in the project)")
    .option("--stdout", "print the types and write nothing")
    .option("--check", "write nothing, and fail when the file is not as it would be written")
    .option("--remote", "add what the worker's environment holds on the platform: values, secrets, bindings")
    .option("--with <path...>", "projects of workers that this one calls: their methods get types", [])
    .option("--env <file>", "dotenv file whose names become strings")
    .option("--secrets <file>", "dotenv file whose names become strings")
    .option("--name <name>", "the worker's name (default: as for ow deploy)")
    .option("--manifest-env <name>", "use the manifest's env.<name> section")
    .action(async (path: string, options: Options) => {
      if (options.check && options.stdout) throw new UsageError("Give --check or --stdout, not both.");
      await withContext(options, async ({ output }) => {
        const project = await loadProject(path, {
          ...(options.name === undefined ? {} : { name: options.name }),
          ...(options.manifestEnv === undefined ? {} : { environment: options.manifestEnv }),
        });
        const file = resolve(options.output ?? join(project.root, typesFile));
        const text = await typesOf(project, file, options);
        if (options.stdout) output.result({ worker: project.name, types: text }, text.trimEnd());
        else if (options.check) await check(file, text, output);
        else await write(file, text, output);
      });
    });
}

async function typesOf(project: Project, file: string, options: Options): Promise<string> {
  const files = [options.env, options.secrets].filter((name) => name !== undefined);
  const local = await Promise.all(files.map(readDotenv));
  const values = local.flatMap((dotenv) => [...dotenv.keys()]);
  const others = await Promise.all(options.with.map((other) => loadProject(other)));
  const bindings = new Map<string, Bound>();
  if (options.remote) {
    await withPlatform(options, async ({ backend }) => {
      for (const { name } of await backend.values(project.name)) values.push(name);
      for (const { name, kind, resource, entrypoint, source } of await backend.bindings(project.name)) {
        if (source === "environment") bindings.set(name, { kind, worker: resource, entrypoint });
      }
    });
  }
  return declarations({ project, file, values, bindings, others });
}

async function write(file: string, text: string, output: Output): Promise<void> {
  const there = await textOf(file);
  if (there !== undefined && !there.startsWith(signature)) {
    throw new OpenWorkersError(
      "CONFLICT",
      `${basename(file)} was not written by ow types; it stays as it is.`,
      {
        hint: "Remove it, or name another file: ow types --output env.d.ts",
      },
    );
  }
  if (there !== text) await writeFile(file, text);
  if (!hasRuntimeTypes(dirname(file))) {
    output.warn(
      "The types of the runtime are not installed: npm install --save-dev @cloudflare/workers-types",
    );
  }
  output.result(
    { file, changed: there !== text },
    there === text ? `${file} is as it was.` : `Wrote ${file}.`,
  );
}

async function check(file: string, text: string, output: Output): Promise<void> {
  const there = await textOf(file);
  if (there !== text) {
    throw new OpenWorkersError(
      "CONFLICT",
      there === undefined ? `${file} is not there.` : `${file} is out of date.`,
      { hint: "Write it: ow types, with the same options" },
    );
  }
  output.result({ file, changed: false }, `${file} is up to date.`);
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return undefined;
    throw thrown;
  }
}

function hasRuntimeTypes(folder: string): boolean {
  try {
    Bun.resolveSync("@cloudflare/workers-types/package.json", folder);
    return true;
  } catch {
    return false;
  }
}
