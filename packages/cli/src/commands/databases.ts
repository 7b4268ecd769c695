import type { Command } from "commander";
import { databaseCommands } from "../databases/database-commands.ts";
import { dumpCommands } from "../databases/dump-commands.ts";
import { execCommand } from "../databases/exec-command.ts";
import { migrateCommand } from "../databases/migrate-command.ts";
import { tokensCommand } from "../databases/token-commands.ts";
import { group } from "./context.ts";

export function databasesCommand(): Command {
  const databases = group("databases", "PostgreSQL databases for workers, and for people with a token", [
    "ow databases create shop",
    'ow databases exec shop "select now()"',
    "ow databases tokens create shop --expires 30d",
    "ow databases migrate apply",
  ]);
  const commands = [
    ...databaseCommands(),
    tokensCommand(),
    execCommand(),
    ...dumpCommands(),
    migrateCommand(),
  ];
  for (const command of commands) databases.addCommand(command);
  return databases;
}
