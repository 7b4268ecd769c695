import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { OpenWorkersError } from "@openworkers/core";
import { type Command, Option } from "commander";
import type { Client } from "pg";
import {
  command,
  group,
  type PlatformContext,
  platformCommand,
  withContext,
  withPlatform,
} from "../commands/context.ts";
import { defaultMigrations } from "../manifest/bindings.ts";
import { loadProject, type Project } from "../manifest/project.ts";
import { formatTable, formatTime } from "../output/format.ts";
import { withAccess } from "./access.ts";
import {
  applyMigration,
  createMigration,
  type Migrations,
  migrationFiles,
  migrationState,
} from "./migrations.ts";

interface Options {
  readonly json?: boolean;
  readonly project: string;
  readonly manifestEnv?: string;
  readonly dir?: string;
  readonly table?: string;
}

/** A database with its migrations, as asked for. */
interface Target {
  readonly database: string;
  readonly migrations: Migrations;
}

/** How long migrations may take. */
const minutes = 24 * 60;

export function migrateCommand(): Command {
  const migrate = group(
    "migrate",
    "Migrations: SQL files of a project, each applied once, as wrangler has them",
    [
      "ow databases migrate create 'add orders'",
      "ow databases migrate list",
      "ow databases migrate apply",
      "ow databases migrate apply shop --dir sql/migrations",
    ],
  );
  for (const each of [applyCommand(), listCommand(), createCommand()]) migrate.addCommand(each);
  return migrate;
}

function targetOptions(made: Command): Command {
  return made
    .addOption(new Option("--project <path>", "the folder of the manifest").default("."))
    .option("--manifest-env <name>", "use the manifest's env.<name> section")
    .option("--dir <folder>", "where the files are (default: the manifest's migrations_dir, migrations)")
    .option("--table <name>", "what says which are applied (default: migrations_table, d1_migrations)");
}

function applyCommand(): Command {
  return targetOptions(
    platformCommand("apply", "Apply what is pending, each file in one transaction", [
      "ow databases migrate apply",
      "ow databases migrate apply shop --dir sql/migrations",
    ]).argument("[database]", "name or id (default: those of the manifest's d1_databases)"),
  ).action(async (database: string | undefined, options: Options) => {
    await withPlatform(options, async (context) => {
      const done = await eachTarget(context, database, options, async (target, client) => {
        const { pending } = await migrationState(client, target.migrations);
        for (const name of pending) {
          context.signal.throwIfAborted();
          await context.output.step(`${target.database}: ${name}`, () =>
            applyMigration(client, target.migrations, name, context.signal),
          );
        }
        return { database: target.database, applied: pending };
      });
      const lines = done.map(({ database: name, applied }) =>
        applied.length === 0 ? `${name} has them all.` : `${name}: applied ${applied.join(", ")}.`,
      );
      context.output.result(done, lines.join("\n"));
    });
  });
}

function listCommand(): Command {
  return targetOptions(
    platformCommand("list", "List migrations, and which of them are pending", [
      "ow databases migrate list",
    ]).argument("[database]", "name or id (default: those of the manifest's d1_databases)"),
  ).action(async (database: string | undefined, options: Options) => {
    await withPlatform(options, async (context) => {
      const states = await eachTarget(context, database, options, async (target, client) => ({
        database: target.database,
        ...(await migrationState(client, target.migrations)),
      }));
      const rows = states.flatMap((state) => [
        ...state.applied.map(({ name, appliedAt }) => [state.database, name, formatTime(appliedAt)]),
        ...state.pending.map((name) => [state.database, name, "pending"]),
      ]);
      context.output.result(
        states,
        formatTable(["database", "migration", "applied"], rows, "There are none."),
      );
    });
  });
}

function createCommand(): Command {
  return targetOptions(
    command("create", "Write an empty migration with the next number", [
      "ow databases migrate create 'add orders'",
    ]).argument("<message>"),
  )
    .option("--binding <name>", "whose, when the manifest has several databases")
    .action(async (message: string, options: Options & { readonly binding?: string }) => {
      await withContext(options, async ({ output }) => {
        const project = options.dir === undefined ? await projectOf(options) : undefined;
        const databases = project?.databases.filter(
          ({ binding }) => options.binding === undefined || binding === options.binding,
        );
        if (databases !== undefined && databases.length > 1) {
          throw new OpenWorkersError("INVALID_INPUT", "The manifest has several databases.", {
            hint: `Say whose: --binding ${databases[0]?.binding}`,
          });
        }
        const directory =
          options.dir ??
          resolve(project?.root ?? ".", databases?.[0]?.migrationsDir ?? defaultMigrations.migrationsDir);
        await mkdir(directory, { recursive: true });
        const name = await createMigration({ directory, table: "" }, message);
        output.result({ file: resolve(directory, name) }, `Wrote ${resolve(directory, name)}.`);
      });
    });
}

async function projectOf({ project, manifestEnv }: Options): Promise<Project> {
  return await loadProject(project, manifestEnv === undefined ? {} : { environment: manifestEnv });
}

async function eachTarget<T>(
  context: PlatformContext,
  database: string | undefined,
  options: Options,
  work: (target: Target, client: Client) => Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  for (const target of await targets(context, database, options))
    results.push(await onTarget(context, target, work));
  return results;
}

async function onTarget<T>(
  context: PlatformContext,
  target: Target,
  work: (target: Target, client: Client) => Promise<T>,
): Promise<T> {
  return await withAccess(context, target.database, { scope: "owner", minutes }, async ({ connect }) => {
    const client = await connect();
    try {
      return await work(target, client);
    } finally {
      await client.end();
    }
  });
}

async function targets(
  context: PlatformContext,
  database: string | undefined,
  options: Options,
): Promise<Target[]> {
  const { dir, table } = options;
  if (database !== undefined && dir !== undefined) {
    return [
      {
        database,
        migrations: { directory: resolve(dir), table: table ?? defaultMigrations.migrationsTable },
      },
    ];
  }
  const project = await projectOf(options);
  const all = await projectMigrations(context, project);
  const chosen = database === undefined ? all : all.filter((target) => target.database === database);
  if (database !== undefined && chosen.length === 0) {
    const directory = resolve(project.root, dir ?? defaultMigrations.migrationsDir);
    chosen.push({ database, migrations: { directory, table: defaultMigrations.migrationsTable } });
  }
  if (chosen.length === 0) {
    throw new OpenWorkersError("INVALID_MANIFEST", "The manifest has no d1_databases.", {
      hint: "Name a database and a folder: ow databases migrate apply NAME --dir migrations",
    });
  }
  return chosen.map(({ database: name, migrations }) => ({
    database: name,
    migrations: {
      directory: dir === undefined ? migrations.directory : resolve(dir),
      table: table ?? migrations.table,
    },
  }));
}

/** The databases of a project's manifest. One without a name is what the deployed worker is bound to. */
async function projectMigrations({ backend }: PlatformContext, project: Project): Promise<Target[]> {
  const bound =
    project.databases.length === 0 ? [] : await backend.bindings(project.name, { missingIsEmpty: true });
  return project.databases.flatMap(({ binding, database, migrationsDir, migrationsTable }) => {
    const name = bound.find((candidate) => candidate.name === binding)?.resource ?? database;
    if (name === undefined) {
      throw new OpenWorkersError("NOT_FOUND", `${binding} leads to no database yet.`, {
        hint: `Deploy ${project.name} first, which makes one; or give it a database_name.`,
      });
    }
    const migrations = { directory: resolve(project.root, migrationsDir), table: migrationsTable };
    return [{ database: name, migrations }];
  });
}

/** What a project's databases lack of its migrations; nothing for those that have no folder of them. */
export async function pendingMigrationsOf(
  context: PlatformContext,
  project: Project,
): Promise<{ readonly database: string; readonly pending: readonly string[] }[]> {
  const states = [];
  for (const target of await projectMigrations(context, project)) {
    if ((await migrationFiles(target.migrations)).length === 0) continue;
    states.push(
      await onTarget(context, target, async ({ database, migrations }, client) => ({
        database,
        pending: (await migrationState(client, migrations)).pending,
      })),
    );
  }
  return states.filter(({ pending }) => pending.length > 0);
}
