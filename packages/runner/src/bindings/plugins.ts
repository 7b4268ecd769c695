import { kvPlugin } from "./kv/kv.ts";
import type { AnyBindingPlugin } from "./plugin.ts";
import { servicePlugin } from "./service/service.ts";
import { storagePlugin } from "./storage/storage.ts";
import { versionMetadataPlugin } from "./version-metadata/version-metadata.ts";

/** Every kind of binding that there is. */
export const bindingPlugins: readonly AnyBindingPlugin[] = [
  kvPlugin,
  servicePlugin,
  storagePlugin,
  versionMetadataPlugin,
];
