import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { OpenWorkersError } from "@openworkers/core";
import { z } from "zod";
import { PrivateFiles, unlessMissing, writePrivately } from "./files.ts";
import { owHome } from "./home.ts";
import { profileName } from "./name.ts";

const loginSchema = z.object({
  version: z.literal(1),
  name: profileName,
  /** Of the API, without `/v1`. */
  url: z.url(),
  /** An API key, or a session's token. */
  token: z.string().min(1),
  /** Who it was when they signed in. */
  user: z.string(),
});

/** A platform that is used through its API, and whose token this is. */
export type Login = z.infer<typeof loginSchema>;

const files = new PrivateFiles(() => join(owHome(), "logins"), loginSchema, "a login");
const currentFile = () => join(owHome(), "current-profile");

/** Keeps a login, in place of one of its name. */
export async function writeLogin(login: Login): Promise<void> {
  await files.write(login.name, login);
}

/** By name. */
export async function logins(): Promise<Login[]> {
  return await files.all();
}

/** Undefined when there is none of that name. */
export async function findLogin(name: string): Promise<Login | undefined> {
  return profileName.safeParse(name).success ? await files.read(name) : undefined;
}

/** Forgets a login, and that it was chosen. Returns whether there was one. */
export async function removeLogin(name: string): Promise<boolean> {
  if ((await currentProfile()) === name) await useProfile(undefined);
  return profileName.safeParse(name).success && (await files.remove(name));
}

/** The profile that commands use when they are told nothing else; undefined for the platform started last. */
export async function currentProfile(): Promise<string | undefined> {
  const text = await unlessMissing(readFile(currentFile(), "utf8"), currentFile());
  return text?.trim() || undefined;
}

/** Chooses what `currentProfile` says. */
export async function useProfile(name: string | undefined): Promise<void> {
  if (name === undefined) await rm(currentFile(), { force: true });
  else await writePrivately(currentFile(), `${profileName.parse(name)}\n`);
}

/** A platform's API and whom to be there. */
export type ApiAccess = Pick<Login, "url" | "token">;

/**
 * The API that `OW_API_URL` and `OW_TOKEN` name, as in CI; undefined without the first.
 *
 * @throws OpenWorkersError CONFIG_INVALID
 */
export function apiFromEnvironment(env: NodeJS.ProcessEnv = process.env): ApiAccess | undefined {
  const { OW_API_URL: url = "", OW_TOKEN: token = "" } = env;
  if (url === "") return undefined;
  if (token !== "") return { url: parseApiUrl(url), token };
  throw new OpenWorkersError("CONFIG_INVALID", "OW_API_URL is set and OW_TOKEN is not.", {
    hint: "Set OW_TOKEN to an API key: ow keys create NAME",
  });
}

/**
 * The API's address as it is kept: without `/v1`, a path or a slash at its end.
 *
 * @throws OpenWorkersError INVALID_INPUT when it is none, or a token would travel over a network in clear
 */
export function parseApiUrl(text: string, { insecure = false } = {}): string {
  const url = URL.parse(text.includes("://") ? text : `https://${text}`);
  if (
    url === null ||
    !["http:", "https:"].includes(url.protocol) ||
    url.username !== "" ||
    url.search !== ""
  ) {
    throw new OpenWorkersError("INVALID_INPUT", `"${text}" is not the address of an API.`, {
      hint: "It looks like https://api.example.com",
    });
  }
  if (url.protocol === "http:" && !insecure && !isLocal(url.hostname)) {
    throw new OpenWorkersError(
      "INVALID_INPUT",
      `${text} is not encrypted: others could read the token on its way.`,
      {
        hint: "Use https, or say --insecure when the network is your own.",
      },
    );
  }
  return url.origin + url.pathname.replace(/(\/v1)?\/*$/, "");
}

/** Whether a host is this machine (RFC 6761 §6.3: so are all names under `localhost`). */
export function isLocal(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    /^127\./.test(hostname)
  );
}
