import type { DatabaseFaces } from "../profile/profile.ts";
import { reachable } from "./access.ts";

/** A Postgate elsewhere: `http://host:port` and `host:port`. */
export function facesFrom(env: NodeJS.ProcessEnv): DatabaseFaces | undefined {
  const { OW_DATABASES_HTTP: http, OW_DATABASES_POSTGRES: postgres } = env;
  const [, host, port] = /^(.+):(\d+)$/.exec(postgres ?? "") ?? [];
  if (http === undefined || host === undefined) return undefined;
  return { http: http.endsWith("/") ? http : `${http}/`, host, port: Number(port) };
}

/** What people connect to, where a Postgate listens on all addresses. */
export function reachableFaces({ http, host, port }: DatabaseFaces): DatabaseFaces {
  return { http, host: reachable(host), port };
}
