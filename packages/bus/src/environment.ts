import { OpenWorkersError } from "@openworkers/core";
import type { Bus } from "./bus.ts";
import { connectNats, type NatsOptions } from "./nats/connect.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * How the environment says that NATS is reached; `undefined` when it does not (`NATS_URL` is not set). docs/bus.md lists the
 * variables.
 *
 * @throws OpenWorkersError CONFIG_INVALID
 */
export function natsFromEnvironment(env: Environment): Omit<NatsOptions, "report"> | undefined {
  const value = (name: string) => env[name] || undefined;
  const url = value("NATS_URL");
  if (url === undefined) return undefined;
  const servers = url.split(",").map((server) => server.trim());
  for (const server of servers) checkServer(server);
  const [user, password] = [value("NATS_USER"), value("NATS_PASSWORD")];
  if ((user === undefined) !== (password === undefined)) {
    throw invalid("NATS_USER and NATS_PASSWORD go together, and one of them is not set.");
  }
  const ways = { user, token: value("NATS_TOKEN"), credentialsFile: value("NATS_CREDS") };
  if (Object.values(ways).filter((way) => way !== undefined).length > 1) {
    throw invalid("NATS_USER, NATS_TOKEN and NATS_CREDS each say who we are; only one of them may be set.");
  }
  const [caFile, certFile, keyFile] = [value("NATS_CA"), value("NATS_CERT"), value("NATS_KEY")];
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw invalid("NATS_CERT and NATS_KEY go together, and one of them is not set.");
  }
  const tls = given({ caFile, certFile, keyFile });
  const encrypted = Object.keys(tls).length > 0 || servers.some((server) => server.startsWith("tls://"));
  const replicas = value("OW_BUS_REPLICAS");
  if (replicas !== undefined && !/^[135]$/.test(replicas)) {
    throw invalid(`OW_BUS_REPLICAS is ${replicas}; it is 1, 3 or 5.`);
  }
  return {
    servers,
    ...given({ ...ways, password, inboxPrefix: user === undefined ? undefined : `_INBOX_${user}` }),
    ...(encrypted ? { tls } : {}),
    ...(replicas === undefined ? {} : { replicas: Number(replicas) }),
  };
}

/**
 * The bus that the environment names; `undefined` when it names none.
 *
 * @param options `name`: what the server calls us; the others as of `connectNats`
 * @throws OpenWorkersError CONFIG_INVALID, BUS_UNAVAILABLE
 */
export async function busFromEnvironment(
  env: Environment,
  options: { readonly name: string } & Pick<NatsOptions, "report" | "connectMs" | "signal">,
): Promise<Bus | undefined> {
  const nats = natsFromEnvironment(env);
  return nats === undefined ? undefined : await connectNats({ ...nats, ...options });
}

function checkServer(server: string): void {
  const match = /^(?:(?:nats|tls):\/\/)?(.+)$/.exec(server);
  const rest = match?.[1] ?? "";
  if (rest.includes("@")) {
    throw invalid("NATS_URL holds a password; NATS_USER and NATS_PASSWORD are for that.");
  }
  if (!/^(?:[\w.-]+|\[[\da-fA-F:]+\])(?::\d{1,5})?$/.test(rest)) {
    throw invalid(`NATS_URL: "${server}" is no address of a server.`);
  }
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function given<T extends Record<string, string | undefined>>(values: T): Given<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<T>;
}

function invalid(message: string): OpenWorkersError {
  return new OpenWorkersError("CONFIG_INVALID", message, {
    hint: "For example NATS_URL=nats://10.0.0.1:4222,nats://10.0.0.2:4222; docs/bus.md lists the others.",
  });
}
