import { OpenWorkersError } from "@openworkers/core";
import type { Command } from "commander";
import { formatTable } from "../output/format.ts";
import { currentProfile, findLogin, type Login, logins, removeLogin, useProfile } from "../profile/login.ts";
import { runningProfiles } from "../profile/profile.ts";
import { command, group, withContext } from "./context.ts";

interface Options {
  readonly json?: boolean;
}

export function profileCommand(): Command {
  return group("profile", "The platforms that commands can work on", [
    "ow profile list",
    "ow profile use production",
    "ow profile use local",
  ])
    .addCommand(listCommand(), { isDefault: true })
    .addCommand(useCommand())
    .addCommand(showCommand())
    .addCommand(removeCommand());
}

/** Chooses none: the platform that was started last on this machine. */
const local = "local";

function listCommand(): Command {
  return command("list", "List logins, and the platforms that run on this machine", [
    "ow profile list",
  ]).action(async (options: Options) => {
    await withContext(options, async ({ output }) => {
      const current = await currentProfile();
      const list = [
        ...(await logins()).map((login) => ({ ...shown(login), kind: "api" })),
        ...(await runningProfiles()).map(({ name, port }) => ({ name, kind: "running", port })),
      ].map((profile) => ({ ...profile, current: profile.name === current }));
      const rows = list.map((profile) => [
        profile.current ? "*" : "",
        profile.name,
        "url" in profile ? `${profile.user} at ${profile.url}` : `runs here, port ${profile.port}`,
      ]);
      const empty = "There are none. Start a platform: ow up, or sign in to one: ow login URL";
      output.result(list, formatTable(["", "name", "platform"], rows, empty));
    });
  });
}

function useCommand(): Command {
  return command("use", "Choose the platform that commands work on when they are told nothing else", [
    "ow profile use production",
    "ow profile use local",
  ])
    .argument("<name>", "of a login or a running platform; `local` for the one started last on this machine")
    .action(async (name: string, options: Options) => {
      await withContext(options, async ({ output }) => {
        if (name !== local && (await findLogin(name)) === undefined) await mustRun(name);
        await useProfile(name === local ? undefined : name);
        output.result({ name }, name === local ? "The platform started last is used." : `${name} is used.`);
      });
    });
}

async function mustRun(name: string): Promise<void> {
  const running = (await runningProfiles()).map((profile) => profile.name);
  if (!running.includes(name)) throw none(name);
}

function showCommand(): Command {
  return command("show", "Show a login, without its token", ["ow profile show production"])
    .argument("[name]", "(default: the one in use)")
    .action(async (given: string | undefined, options: Options) => {
      await withContext(options, async ({ output }) => {
        const name = given ?? (await currentProfile());
        const login = name === undefined ? undefined : await findLogin(name);
        if (login === undefined) throw none(name ?? "nothing");
        const { url, user, token } = shown(login);
        output.result(shown(login), `${login.name}: ${user} at ${url}, with ${token}`);
      });
    });
}

function removeCommand(): Command {
  return command("remove", "Forget a login without ending its session", ["ow profile remove production"])
    .argument("<name>")
    .action(async (name: string, options: Options) => {
      await withContext(options, async ({ output }) => {
        if (!(await removeLogin(name))) throw none(name);
        output.result({ name, removed: true }, `${name} is forgotten.`);
      });
    });
}

function shown({ name, url, user, token }: Login) {
  return { name, url, user, token: token.startsWith("ow_") ? `the key ${token.slice(0, 10)}…` : "a session" };
}

function none(name: string): OpenWorkersError {
  return new OpenWorkersError("NOT_FOUND", `There is no profile ${name}.`, {
    hint: "List them: ow profile list",
  });
}
