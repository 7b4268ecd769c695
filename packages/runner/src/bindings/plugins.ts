import { assetsPlugin } from "./assets/assets.ts";
import type { AnyBindingPlugin } from "./plugin.ts";
import { versionMetadataPlugin } from "./version-metadata/version-metadata.ts";

/** Every kind of binding that there is. */
export const bindingPlugins: readonly AnyBindingPlugin[] = [assetsPlugin, versionMetadataPlugin];
