import { type ApiClient, secondFactor, signIn } from "@openworkers/client";
import { isOpenWorkersError, OpenWorkersError } from "@openworkers/core";
import type { Command } from "commander";
import { UsageError } from "../output/failure.ts";
import { ask, askHidden, readStdin } from "../output/prompt.ts";
import { parseApiUrl, useProfile, writeLogin } from "../profile/login.ts";
import { profileName } from "../profile/name.ts";
import { runningProfiles } from "../profile/profile.ts";
import { clientOf } from "./api-context.ts";
import { command, withContext } from "./context.ts";

interface Options {
  readonly json?: boolean;
  readonly name?: string;
  readonly email?: string;
  readonly token?: string | true;
  readonly insecure?: boolean;
}

export function loginCommand(): Command {
  return command("login", "Sign in to a platform's API; commands work through it from then on", [
    "ow login https://api.example.com",
    "ow login api.example.com --email ada@example.com --name production",
    "ow login --token < key.txt",
  ])
    .argument("[url]", "of the API (default: the platform that runs on this machine)")
    .option("--name <name>", "name for other commands' --profile (default: the host)")
    .option("--email <address>", "whom to sign in (default: asked for)")
    .option(
      "--token [token]",
      "an API key instead of e-mail and password: OW_TOKEN's, or standard input's; others on this machine see one on the command line",
    )
    .option("--insecure", "send the password and the token unencrypted to another machine")
    .addHelpText(
      "after",
      "\nThe token is kept in OW_HOME (~/.openworkers), for this user alone. In CI, set OW_API_URL and OW_TOKEN instead.",
    )
    .action(async (given: string | undefined, options: Options) => {
      await withContext(options, async ({ output, signal }) => {
        const url = parseApiUrl(given ?? (await localApi()), { insecure: options.insecure === true });
        const name = nameOf(url, options.name);
        const token = await tokenFor(url, options, signal);
        const client = clientOf({ url, token });
        const { name: user } = await client.data(client.api.GET("/v1/account"));
        await writeLogin({ version: 1, name, url, token, user });
        await useProfile(name);
        output.result({ name, url, user }, `Signed in to ${url} as ${user}. Back: ow logout`);
      });
    });
}

/** The API of the platform that was started last on this machine. */
async function localApi(): Promise<string> {
  const [running] = await runningProfiles();
  if (running !== undefined) return `http://api.${running.baseDomain}:${running.port}`;
  throw new UsageError("Give the API's address: no platform runs on this machine.");
}

function nameOf(url: string, given: string | undefined): string {
  const name = given ?? new URL(url).host.replaceAll(/[^A-Za-z0-9._-]/g, "-").slice(0, 64);
  if (profileName.safeParse(name).success) return name;
  throw new UsageError(`--name ${name}: up to 64 letters, digits, dots, hyphens and underscores.`);
}

async function tokenFor(url: string, options: Options, signal: AbortSignal): Promise<string> {
  const { OW_TOKEN } = process.env;
  if (typeof options.token === "string") return options.token;
  if (options.token === true || OW_TOKEN) {
    const token = OW_TOKEN || (process.stdin.isTTY ? await askHidden("Token: ", signal) : await readStdin());
    if (token.trim() !== "") return token.trim();
    throw new UsageError("The token is empty.");
  }
  return await askToSignIn(clientOf({ url }), options, signal);
}

async function askToSignIn(client: ApiClient, options: Options, signal: AbortSignal): Promise<string> {
  const interactive = process.stdin.isTTY;
  if (!interactive && options.email === undefined) {
    throw new UsageError("Nobody can be asked for e-mail and password here: give --token, or set OW_TOKEN.");
  }
  const email = options.email ?? (await ask("E-mail: ", signal)).trim();
  const password = interactive
    ? await askHidden("Password: ", signal)
    : (await readStdin()).replace(/\r?\n$/, "");
  const answer = await signIn(client, { email, password });
  if ("token" in answer) return answer.token;
  if (!interactive) {
    throw new OpenWorkersError(
      "UNAUTHORIZED",
      "This account needs a second factor, which nobody can be asked for here.",
      {
        hint: "Use an API key: ow login --token",
      },
    );
  }
  return await askForCode(client, answer.challenge, signal);
}

const attempts = 3;

async function askForCode(client: ApiClient, challenge: string, signal: AbortSignal): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const text = (await ask("Code of the authenticator, or a recovery code: ", signal)).replaceAll(/\s/g, "");
    const factor = /^\d{6}$/.test(text) ? { code: text } : { recoveryCode: text };
    try {
      return (await secondFactor(client, { challenge, ...factor })).token;
    } catch (thrown) {
      if (attempt === attempts || !isOpenWorkersError(thrown, "UNAUTHORIZED", "INVALID_INPUT")) throw thrown;
      process.stderr.write(`${thrown.message}\n`);
    }
  }
}
