import { assetsPlugin } from "./assets/assets.ts";
import { databasePlugin } from "./database/database.ts";
import { hyperdrivePlugin } from "./hyperdrive/hyperdrive.ts";
import { kvPlugin } from "./kv/kv.ts";
import { platformServicesPlugin, platformSqlPlugin } from "./platform/platform.ts";
import type { AnyBindingPlugin } from "./plugin.ts";
import { queuePlugin } from "./queue/queue.ts";
import { rateLimitPlugin } from "./rate-limit/rate-limit.ts";
import { servicePlugin } from "./service/service.ts";
import { storagePlugin } from "./storage/storage.ts";
import { versionMetadataPlugin } from "./version-metadata/version-metadata.ts";

/** Every kind of binding that there is. */
export const bindingPlugins: readonly AnyBindingPlugin[] = [
  assetsPlugin,
  databasePlugin,
  hyperdrivePlugin,
  kvPlugin,
  platformServicesPlugin,
  platformSqlPlugin,
  queuePlugin,
  rateLimitPlugin,
  servicePlugin,
  storagePlugin,
  versionMetadataPlugin,
];
