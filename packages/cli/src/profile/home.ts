import { homedir } from "node:os";
import { join } from "node:path";

/** The CLI's own folder: `OW_HOME`, else `~/.openworkers`. */
export function owHome(env: NodeJS.ProcessEnv = process.env): string {
  return env.OW_HOME ?? join(homedir(), ".openworkers");
}

/** Where `ow up` keeps its data unless told otherwise. */
export function defaultDataDir(env: NodeJS.ProcessEnv = process.env): string {
  return join(owHome(env), "data");
}
