import { OpenWorkersError, type PlatformFaceName } from "@openworkers/core";
import type { BindingPlugin } from "../plugin.ts";

/** Whom Postgate's faces expect; who a `caller` is, their password says, which is the caller's own. */
const users = { api: "caller", identity: "identity" } as const satisfies Record<PlatformFaceName, string>;

/**
 * `env.SQL` of the platform's own workers: workerd's hyperdrive, over a socket that Postgate's face for them listens on
 * for this cell. There is nothing for the broker to answer.
 */
export const platformSqlPlugin: BindingPlugin<"platform-sql"> = {
  kind: "platform-sql",
  configure: ({ face }) => ({ type: "hyperdrive", user: users[face] }),
};

/** `env.PLATFORM` of the platform's own workers: see `PlatformServices`. */
export const platformServicesPlugin: BindingPlugin<"platform-services"> = {
  kind: "platform-services",
  // An object's bytes keep their length on the way.
  configure: () => ({ type: "fetcher", exact: true }),
  handler: ({ platform }) => ({
    async serve(request) {
      if (platform === undefined)
        throw new OpenWorkersError("OVERLOADED", "This runner was started without the platform's services.");
      return platform.fetch(request);
    },
  }),
};
