import { checkKey, OpenWorkersError, type StoredObject } from "@openworkers/core";
import { z } from "zod";
import { putStream } from "../../storage/put-stream.ts";
import { bytesOf, contentInput, maxBytesInput, readContent } from "../content.ts";
import { fields } from "../fields.ts";
import { destroyTool, readTool, type Tool, writeTool } from "../tool.ts";

const bucket = fields.nameOrId("bucket");
const key = z.string().min(1);

export const storageTools: readonly Tool[] = [
  readTool("storage_buckets_list", {
    title: "List buckets",
    description: "Every bucket of objects.",
    input: z.object({}),
    run: async (_, { backend }) => ({ buckets: await backend.buckets() }),
  }),
  writeTool("storage_buckets_create", {
    title: "Create a bucket",
    description: "Creates an empty bucket on the platform's store.",
    input: z.object({ name: z.string().min(1) }),
    run: async ({ name }, { backend }) => ({ ...(await backend.createBucket(name)) }),
  }),
  destroyTool("storage_buckets_delete", {
    title: "Delete a bucket",
    description: "Deletes a bucket with all its objects; refused while a worker binds it.",
    input: z.object({ bucket }),
    run: async (input, { backend }) => {
      await backend.deleteBucket(input.bucket);
      return { bucket: input.bucket, deleted: true };
    },
  }),
  readTool("storage_list", {
    title: "List objects",
    description:
      "Objects of a bucket in the order of their keys' bytes. With a delimiter, keys up to it are grouped as folders are.",
    input: z.object({
      bucket,
      prefix: z.string().default(""),
      delimiter: z.string().min(1).optional(),
      after: z.string().min(1).optional().describe("Go on after this key"),
      limit: fields.limit(1_000, 100),
    }),
    run: async ({ bucket: nameOrId, after, ...options }, { backend }) => {
      const { store } = await backend.bucket(nameOrId);
      const start = after === undefined ? {} : { after: { key: after } };
      const { entries, more } = await store.list({ ...options, ...start, metadata: false });
      return {
        objects: entries.flatMap((entry) => ("object" in entry ? [summary(entry.object)] : [])),
        prefixes: entries.flatMap((entry) => ("prefix" in entry ? [entry.prefix] : [])),
        complete: !more,
      };
    },
  }),
  readTool("storage_get", {
    title: "Read an object",
    description: "An object's content, as text when it is UTF-8 and else in base64, and its metadata.",
    input: z.object({ bucket, key, maxBytes: maxBytesInput }),
    run: async (input, { backend, signal }) => {
      const { store } = await backend.bucket(input.bucket);
      const found = await store.get(input.key, { signal });
      if (found?.body === undefined)
        throw new OpenWorkersError("NOT_FOUND", `There is no object "${input.key}" in ${input.bucket}.`);
      return { ...details(found.object), ...(await readContent(found.body, input.maxBytes)) };
    },
  }),
  writeTool("storage_put", {
    title: "Write an object",
    description: "Puts an object under a key, in place of what was there.",
    idempotent: true,
    input: z.object({ bucket, key, ...contentInput, contentType: z.string().optional() }),
    run: async ({ bucket: nameOrId, key: name, contentType, ...content }, { backend, signal }) => {
      checkKey(name);
      const { store } = await backend.bucket(nameOrId);
      const metadata = { http: { contentType }, custom: {}, storageClass: "Standard" };
      return details(await putStream(store, name, once(bytesOf(content)), metadata, signal));
    },
  }),
  destroyTool("storage_delete", {
    title: "Delete objects",
    description: "Deletes objects of a bucket; keys that are not there are fine.",
    idempotent: true,
    input: z.object({ bucket, keys: fields.names }),
    run: async (input, { backend }) => {
      await (await backend.bucket(input.bucket)).store.delete(input.keys);
      return { deleted: input.keys };
    },
  }),
];

function summary({ key: name, size, etag, uploadedAt }: StoredObject) {
  return { key: name, size, etag, uploadedAt };
}

function details(object: StoredObject) {
  return { ...summary(object), http: object.http, custom: object.custom };
}

async function* once(value: Uint8Array): AsyncGenerator<Uint8Array> {
  yield value;
}
