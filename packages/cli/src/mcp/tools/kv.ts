import { OpenWorkersError } from "@openworkers/core";
import { z } from "zod";
import { bytesOf, contentInput, maxBytesInput, readContent } from "../content.ts";
import { fields, given } from "../fields.ts";
import { destroyTool, readTool, type Tool, writeTool } from "../tool.ts";

const namespace = fields.nameOrId("KV namespace");
const key = z.string().min(1);

export const kvTools: readonly Tool[] = [
  readTool("kv_namespaces_list", {
    title: "List KV namespaces",
    description: "Every namespace of key-value pairs.",
    input: z.object({}),
    run: async (_, { backend }) => ({ namespaces: await backend.kvNamespaces() }),
  }),
  writeTool("kv_namespaces_create", {
    title: "Create a KV namespace",
    description: "Creates an empty namespace.",
    input: z.object({ name: z.string().min(1) }),
    run: async ({ name }, { backend }) => ({ ...(await backend.createKvNamespace(name)) }),
  }),
  destroyTool("kv_namespaces_delete", {
    title: "Delete a KV namespace",
    description: "Deletes a namespace with all its keys; refused while a worker binds it.",
    input: z.object({ namespace }),
    run: async (input, { backend }) => {
      await backend.deleteKvNamespace(input.namespace);
      return { namespace: input.namespace, deleted: true };
    },
  }),
  readTool("kv_list", {
    title: "List keys",
    description:
      "Keys of a namespace in the order of their bytes, with expiry (seconds since 1970) and metadata.",
    input: z.object({ namespace, prefix: z.string().default(""), limit: fields.limit(10_000, 100) }),
    run: async ({ namespace: nameOrId, prefix, limit }, { backend }) => {
      const keys = [];
      for await (const found of (await backend.kv(nameOrId)).list(prefix)) {
        if (keys.push(found) > limit) break;
      }
      return { keys: keys.slice(0, limit), complete: keys.length <= limit };
    },
  }),
  readTool("kv_get", {
    title: "Read a key",
    description: "A key's value, as text when it is UTF-8 and else in base64.",
    input: z.object({ namespace, key, maxBytes: maxBytesInput }),
    run: async (input, { backend }) => {
      const found = await (await backend.kv(input.namespace)).get(input.key);
      if (found === undefined)
        throw new OpenWorkersError("NOT_FOUND", `There is no key "${input.key}" in ${input.namespace}.`);
      const { value, name, ...more } = found;
      return { key: name, ...more, ...(await readContent(value, input.maxBytes)) };
    },
  }),
  writeTool("kv_put", {
    title: "Write a key",
    description: "Puts a value under a key, in place of what was there.",
    idempotent: true,
    input: z.object({
      namespace,
      key,
      ...contentInput,
      expirationTtl: z.int().min(60).optional().describe("Seconds that it stays"),
      metadata: z.unknown().optional().describe("JSON of 1,024 bytes at most"),
    }),
    run: async ({ namespace: nameOrId, key: name, text, base64, ...options }, { backend }) => {
      const value = bytesOf({ text, base64 });
      await (await backend.kv(nameOrId)).put(name, once(value), given(options));
      return { key: name, bytes: value.byteLength };
    },
  }),
  destroyTool("kv_delete", {
    title: "Delete keys",
    description: "Deletes keys of a namespace; keys that are not there are fine.",
    idempotent: true,
    input: z.object({ namespace, keys: fields.names }),
    run: async (input, { backend }) => {
      const access = await backend.kv(input.namespace);
      for (const name of input.keys) await access.delete(name);
      return { deleted: input.keys };
    },
  }),
];

async function* once(value: Uint8Array): AsyncGenerator<Uint8Array> {
  yield value;
}
