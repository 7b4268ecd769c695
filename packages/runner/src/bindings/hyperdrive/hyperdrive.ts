import type { BindingPlugin } from "../plugin.ts";

/**
 * `env.HYPERDRIVE`: workerd's own, over a socket that the gateway listens on for this cell. There is nothing for the
 * broker to answer.
 */
export const hyperdrivePlugin: BindingPlugin<"hyperdrive"> = {
  kind: "hyperdrive",
  configure: () => ({ type: "hyperdrive" }),
};
