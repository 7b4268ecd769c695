import { type ApiClient, createClient } from "@openworkers/client";
import { OpenWorkersError } from "@openworkers/core";
import type { Command } from "commander";
import { apiFetch } from "../profile/api-fetch.ts";
import { chosenPlatform } from "../profile/choice.ts";
import type { ApiAccess } from "../profile/login.ts";
import { type CommandContext, command, withContext } from "./context.ts";

export interface ApiOptions {
  readonly json?: boolean;
  readonly profile?: string;
}

export interface ApiContext extends CommandContext {
  readonly client: ApiClient;
}

/** A subcommand that works through a platform's API alone. */
export function apiCommand(name: string, summary: string, examples: readonly string[]): Command {
  return command(name, summary, examples).option(
    "--profile <name>",
    "the login to use (default: what `ow login` or `ow profile use` chose)",
  );
}

/** A client of an API; names under `localhost` are this machine. */
export function clientOf({ url, token }: { readonly url: string; readonly token?: string }): ApiClient {
  return createClient({ url, fetch: apiFetch, ...(token === undefined ? {} : { token }) });
}

/** Runs `work` with the chosen API. @throws OpenWorkersError CONFIG_INVALID when none was chosen */
export async function withApi<T>(options: ApiOptions, work: (context: ApiContext) => Promise<T>): Promise<T> {
  return await withContext(options, async (context) =>
    work({ ...context, client: clientOf(await chosenApi(options)) }),
  );
}

async function chosenApi({ profile }: ApiOptions): Promise<ApiAccess> {
  const { api, name } = await chosenPlatform(profile === undefined ? {} : { name: profile });
  if (api !== undefined) return api;
  throw new OpenWorkersError(
    "CONFIG_INVALID",
    name === undefined ? "This works through a platform's API, and none is chosen." : `${name} is no login.`,
    { hint: "Sign in: ow login URL. In CI: set OW_API_URL and OW_TOKEN." },
  );
}
