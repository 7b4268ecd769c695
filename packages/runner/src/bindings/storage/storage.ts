import type { BindingPlugin } from "../plugin.ts";
import { BucketStores } from "./bucket-stores.ts";
import { StorageHandler } from "./handler.ts";

/** `env.BUCKET`: object storage with the surface of Cloudflare's R2. */
export const storagePlugin: BindingPlugin<"storage"> = {
  kind: "storage",
  configure: () => ({ type: "r2Bucket" }),
  handler: ({ database, shares, secretKeys, storage, report }) =>
    new StorageHandler({ database, shares, stores: new BucketStores(database, secretKeys, storage), report }),
};
