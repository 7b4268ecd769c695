// Begins a put that never ends, for a test that kills it: arguments are the database's URL and the bucket's id.
import type { BucketId } from "@openworkers/core";
import { connect } from "../../database.ts";
import { PostgresStore } from "../postgres-store.ts";

const [url = "", bucketId = ""] = process.argv.slice(2);
const store = new PostgresStore(connect(url), bucketId as BucketId, { chunkBytes: 10_000 });
const body = new ReadableStream<Uint8Array>({
  async pull(controller) {
    controller.enqueue(new Uint8Array(50_000));
    await Bun.sleep(1);
  },
});
const metadata = { http: {}, custom: {}, storageClass: "Standard" };
await store.put("killed", { body, size: 2 ** 40 }, { ...metadata, checksums: {} });
