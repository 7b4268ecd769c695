import { Command } from "commander";
import cliPackage from "../package.json" with { type: "json" };
import { auditCommand } from "./commands/audit.ts";
import { bindingsCommand } from "./commands/bindings.ts";
import { databasesCommand } from "./commands/databases.ts";
import { deleteCommand } from "./commands/delete.ts";
import { deployCommand } from "./commands/deploy.ts";
import { devCommand } from "./commands/dev.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { domainsCommand } from "./commands/domains.ts";
import { envCommand } from "./commands/env.ts";
import { initCommand } from "./commands/init.ts";
import { kvCommand } from "./commands/kv.ts";
import { migrateCommand } from "./commands/migrate.ts";
import { postgateCommand } from "./commands/postgate.ts";
import { secretCommand } from "./commands/secret.ts";
import { storageCommand } from "./commands/storage.ts";
import { tailCommand } from "./commands/tail.ts";
import { typesCommand } from "./commands/types.ts";
import { upCommand } from "./commands/up.ts";
import { deploymentsCommand, rollbackCommand, versionsCommand } from "./commands/versions.ts";
import { workersCommand } from "./commands/workers.ts";

/** The whole command line. Parsing it throws commander's errors instead of ending the process. */
export function createProgram(): Command {
  const program = new Command("ow")
    .description("OpenWorkers: run JavaScript, TypeScript and WASM workers on your own machine")
    .version(`ow ${cliPackage.version}`)
    .showSuggestionAfterError()
    // After a command, --version is that command's.
    .enablePositionalOptions()
    .addHelpText("after", help);
  const commands = [
    upCommand(),
    deployCommand(),
    devCommand(),
    initCommand(),
    typesCommand(),
    tailCommand(),
    workersCommand(),
    versionsCommand(),
    deploymentsCommand(),
    rollbackCommand(),
    envCommand(),
    secretCommand(),
    bindingsCommand(),
    kvCommand(),
    storageCommand(),
    databasesCommand(),
    domainsCommand(),
    deleteCommand(),
    auditCommand(),
    migrateCommand(),
    postgateCommand(),
    doctorCommand(),
  ];
  for (const command of commands) program.addCommand(command);
  makeStrict(program);
  return program;
}

function makeStrict(command: Command): void {
  // Failures are reported in one place, which also knows how to say them as JSON.
  command.exitOverride().configureOutput({ outputError: () => {} });
  for (const child of command.commands) makeStrict(child);
}

const help = `
Start here:
  $ ow up                      the whole platform on this machine
  $ ow init hello              a new worker
  $ ow deploy hello            live in a second, prints its URL
  $ ow tail hello              its logs as they come

Environment: DATABASE_URL (a PostgreSQL to use), OW_PROFILE (which running platform), OW_HOME (~/.openworkers),
NO_COLOR. Exit codes: 0 done, 1 failed, 2 wrong usage. Every command takes --json and --help.`;
