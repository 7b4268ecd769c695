import type { BindingPlugin } from "../plugin.ts";

/** `env.OTHER`: another worker of the same owner, for `fetch` and for calls of its methods. */
export const servicePlugin: BindingPlugin<"worker"> = {
  kind: "worker",
  configure: () => ({ type: "worker" }),
};
