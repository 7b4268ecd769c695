import { createResetLink, createSetupLink, listPeople } from "@openworkers/db";
import type { Command } from "commander";
import { formatTable, formatTime } from "../output/format.ts";
import { placesOf, withDatabase } from "../platform/direct.ts";
import { setupUrl } from "../platform/system-workers/start-api.ts";
import { group, platformCommand } from "./context.ts";

interface Options {
  readonly json?: boolean;
  readonly profile?: string;
  readonly port?: number;
}

export function usersCommand(): Command {
  return group("users", "See who can sign in, and let somebody in", [
    "ow users list",
    "ow users setup-link",
    "ow users reset-link ada@example.com",
  ])
    .addCommand(listCommand())
    .addCommand(setupLinkCommand())
    .addCommand(resetLinkCommand());
}

function listCommand(): Command {
  return platformCommand("list", "List the people who can sign in", ["ow users list"]).action(
    async (options: Options) => {
      await withDatabase(options, async ({ database, output }) => {
        const people = await listPeople(database);
        const rows = people.map(({ name, email, isOperator, createdAt }) => [
          name,
          email,
          isOperator ? "admin" : "",
          formatTime(createdAt),
        ]);
        output.result(
          people,
          formatTable(
            ["user", "e-mail", "", "since"],
            rows,
            "Nobody can sign in yet. Make a link for the first: ow users setup-link",
          ),
        );
      });
    },
  );
}

function setupLinkCommand(): Command {
  return platformCommand("setup-link", "Make a one-time link: whoever signs up with it becomes an admin", [
    "ow users setup-link",
  ]).action(async (options: Options) => {
    await withDatabase(options, async (platform) => {
      const { token, expiresAt } = await createSetupLink(platform.database);
      const url = setupUrl(await placesOf(platform), token);
      platform.output.result(
        { url, expiresAt },
        `Once, until ${formatTime(expiresAt)}, and instead of any made before:\n${url}`,
      );
    });
  });
}

function resetLinkCommand(): Command {
  return platformCommand(
    "reset-link",
    "Make a link by which somebody chooses another password, to be handed on where no mail is sent",
    ["ow users reset-link ada@example.com"],
  )
    .argument("<email>")
    .action(async (email: string, options: Options) => {
      await withDatabase(options, async (platform) => {
        const { token, expiresAt } = await createResetLink(platform.database, email);
        const url = `${(await placesOf(platform)).baseUrl}/v1/auth/password/reset?token=${token}`;
        platform.output.result(
          { url, expiresAt },
          `For ${email} alone, once, until ${formatTime(expiresAt)}:\n${url}`,
        );
      });
    });
}
