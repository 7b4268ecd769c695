import { connect, migrate } from "@openworkers/db";
import type { Command } from "commander";
import { chooseProfile } from "../profile/profile.ts";
import { choiceOf, platformCommand, withContext } from "./context.ts";

interface Options {
  readonly json?: boolean;
  readonly profile?: string;
  readonly port?: number;
}

export function migrateCommand(): Command {
  return platformCommand("migrate", "Bring the database to this release's schema; `ow up` does it too", [
    "DATABASE_URL=postgres://ow:secret@db/openworkers ow migrate",
  ]).action(async (options: Options) => {
    await withContext(options, async ({ output }) => {
      const { DATABASE_URL: databaseUrl } = process.env;
      const url = databaseUrl ?? (await chooseProfile(choiceOf(options))).databaseUrl;
      await using database = connect(url, { max: 2, applicationName: "ow migrate" });
      const applied = await output.step("Bring the database up to date", () => migrate(database));
      output.result({ applied }, applied.length === 0 ? "Nothing to do." : `Applied ${applied.join(", ")}.`);
    });
  });
}
