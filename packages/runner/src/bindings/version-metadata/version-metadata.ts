import type { BindingPlugin } from "../plugin.ts";

/** `env.CF_VERSION_METADATA`: `{ id, tag, timestamp }` of the version that runs; the tag is its message. */
export const versionMetadataPlugin: BindingPlugin<"version-metadata"> = {
  kind: "version-metadata",
  configure: (_, { id, message, createdAt }) => ({
    type: "json",
    value: JSON.stringify({ id, tag: message ?? "", timestamp: createdAt.toISOString() }),
  }),
};
