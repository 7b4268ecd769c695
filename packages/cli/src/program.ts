import { Command } from "commander";
import cliPackage from "../package.json" with { type: "json" };

/**
 * Every command, in the order of the help. Each is loaded when it is named: what one of them needs costs no other a moment.
 */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import("./commands/up.ts")).upCommand(),
  deploy: async () => (await import("./commands/deploy.ts")).deployCommand(),
  dev: async () => (await import("./commands/dev.ts")).devCommand(),
  init: async () => (await import("./commands/init.ts")).initCommand(),
  types: async () => (await import("./commands/types.ts")).typesCommand(),
  logs: async () => (await import("./commands/logs.ts")).logsCommand(),
  tail: async () => (await import("./commands/tail.ts")).tailCommand(),
  workers: async () => (await import("./commands/workers.ts")).workersCommand(),
  versions: async () => (await import("./commands/versions.ts")).versionsCommand(),
  deployments: async () => (await import("./commands/versions.ts")).deploymentsCommand(),
  rollback: async () => (await import("./commands/versions.ts")).rollbackCommand(),
  env: async () => (await import("./commands/env.ts")).envCommand(),
  secret: async () => (await import("./commands/secret.ts")).secretCommand(),
  bindings: async () => (await import("./commands/bindings.ts")).bindingsCommand(),
  kv: async () => (await import("./commands/kv.ts")).kvCommand(),
  storage: async () => (await import("./commands/storage.ts")).storageCommand(),
  databases: async () => (await import("./commands/databases.ts")).databasesCommand(),
  crons: async () => (await import("./commands/crons.ts")).cronsCommand(),
  queues: async () => (await import("./commands/queues.ts")).queuesCommand(),
  domains: async () => (await import("./commands/domains.ts")).domainsCommand(),
  delete: async () => (await import("./commands/delete.ts")).deleteCommand(),
  users: async () => (await import("./commands/users.ts")).usersCommand(),
  api: async () => (await import("./commands/api.ts")).apiCommand(),
  audit: async () => (await import("./commands/audit.ts")).auditCommand(),
  login: async () => (await import("./commands/login.ts")).loginCommand(),
  logout: async () => (await import("./commands/logout.ts")).logoutCommand(),
  whoami: async () => (await import("./commands/whoami.ts")).whoamiCommand(),
  profile: async () => (await import("./commands/profile.ts")).profileCommand(),
  keys: async () => (await import("./commands/keys.ts")).keysCommand(),
  accounts: async () => (await import("./commands/accounts.ts")).accountsCommand(),
  members: async () => (await import("./commands/members.ts")).membersCommand(),
  mcp: async () => (await import("./commands/mcp.ts")).mcpCommand(),
  migrate: async () => (await import("./commands/migrate.ts")).migrateCommand(),
  runner: async () => (await import("./commands/runner.ts")).runnerCommand(),
  scheduler: async () => (await import("./commands/scheduler.ts")).schedulerCommand(),
  postgate: async () => (await import("./commands/postgate.ts")).postgateCommand(),
  doctor: async () => (await import("./commands/doctor.ts")).doctorCommand(),
};

/**
 * The command line, with the command that `args` name, or with all when they name none: for the help, and for what was
 * meant by a word that is no command. Parsing it throws commander's errors instead of ending the process.
 */
export async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command("ow")
    .description("OpenWorkers: run JavaScript, TypeScript and WASM workers on your own machine")
    .version(`ow ${cliPackage.version}`)
    .showSuggestionAfterError()
    // After a command, --version is that command's.
    .enablePositionalOptions()
    .addHelpText("after", help);
  for (const load of wanted(args)) program.addCommand(await load());
  makeStrict(program);
  return program;
}

function wanted([first]: readonly string[]): (() => Promise<Command>)[] {
  if (first === "--version" || first === "-V") return [];
  const named = first !== undefined && Object.hasOwn(commands, first) ? commands[first] : undefined;
  return named === undefined ? Object.values(commands) : [named];
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

Environment: OW_API_URL and OW_TOKEN (a platform's API and a key for it), OW_ACCOUNT (an organisation there), DATABASE_URL
(a PostgreSQL to use), OW_PROFILE (which login or running platform), OW_HOME (~/.openworkers), NO_COLOR. Exit codes: 0 done, 1 failed, 2 wrong usage. Every command takes --json and --help.`;
