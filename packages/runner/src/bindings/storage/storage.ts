import { PostgresStore } from "@openworkers/db";
import type { BindingPlugin } from "../plugin.ts";
import { StorageHandler } from "./handler.ts";

/** `env.BUCKET`: object storage with the surface of Cloudflare's R2. */
export const storagePlugin: BindingPlugin<"storage"> = {
  kind: "storage",
  configure: () => ({ type: "r2Bucket" }),
  handler: ({ database, report }) =>
    new StorageHandler({ storeOf: async (bucketId) => new PostgresStore(database, bucketId), report }),
};
