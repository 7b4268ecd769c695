import { expect, test } from "bun:test";
import { type ObjectStore, storageErrorName } from "@openworkers/core";
import { createResource, ensureOperator } from "@openworkers/db";
import { withTestDatabase } from "@openworkers/db/testing";
import { BucketStores } from "./bucket-stores.ts";
import { S3Client } from "./s3/s3-client.ts";
import { startSwift } from "./s3/testing/swift.ts";
import { contentOf, putOptions } from "./testing/content.ts";

test("a bucket stays where it was first used: in the database, or in the platform's S3 bucket", async () => {
  await using fixture = await withTestDatabase();
  await using swift = await startSwift();
  const { database } = fixture;
  const { id: by } = await ensureOperator(database);
  const keys = { open: () => Promise.reject(new Error("no bucket here has keys")) };
  const judge = async () => ({ address: "127.0.0.1" });
  const [without, withS3] = [
    new BucketStores(database, keys, { judge }),
    new BucketStores(database, keys, { judge, s3: swift.options }),
  ];
  const before = await createResource(database, "storage", { name: "used-before", by });
  const after = await createResource(database, "storage", { name: "used-after", by });
  const text = async (store: ObjectStore) => {
    const found = await store.get("key", {});
    return new Response(found?.body ?? null).text();
  };

  await (await without.of(before, database)).put("key", contentOf("before"), putOptions());
  await (await withS3.of(after, database)).put("key", contentOf("after"), putOptions());
  expect(await text(await withS3.of(before, database))).toBe("before");
  expect(await text(await withS3.of(after, database))).toBe("after");
  const query = { "list-type": "2" };
  const list = await new S3Client(swift.options).text({ method: "GET", query });
  expect([...list.matchAll(/<Key>([^<]*)</g)].map(([, key]) => key)).toEqual([`${after}/key`]);

  const refused: unknown = await without.of(after, database).catch((thrown: unknown) => thrown);
  expect(storageErrorName(refused)).toBe("unavailable");
  expect(refused).toMatchObject({ hint: expect.stringContaining("OW_S3_ENDPOINT") });
});
