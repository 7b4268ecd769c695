import { type DatabaseScope, databaseLimitsSchema } from "@openworkers/core";
import { z } from "zod";
import type { PlatformContext } from "../../commands/context.ts";
import { withAccess } from "../../databases/access.ts";
import { firstUse } from "../../databases/first-use.ts";
import { fields, given } from "../fields.ts";
import { destroyTool, readTool, type Tool, writeTool } from "../tool.ts";

const database = fields.nameOrId("database");
const sql = z.string().min(1).describe("PostgreSQL");
const params = z.array(z.union([z.string(), z.number(), z.boolean(), z.null()])).default([]);

export const databaseTools: readonly Tool[] = [
  readTool("databases_list", {
    title: "List databases",
    description: "Every PostgreSQL database of the workers, with its size, state and limits.",
    input: z.object({}),
    run: async (_, { backend }) => ({ databases: await backend.databases.list() }),
  }),
  readTool("databases_get", {
    title: "Show a database",
    description: "A database's size, limits, the workers that bind it, and the names of its tokens.",
    input: z.object({ database }),
    run: async (input, { backend }) => ({ ...(await backend.databases.get(input.database)) }),
  }),
  writeTool("databases_create", {
    title: "Create a database",
    description: "Creates an empty PostgreSQL database, or a copy of another.",
    input: z.object({
      name: z.string().min(1),
      copyOf: fields.nameOrId("database to copy").optional(),
      limits: databaseLimitsSchema.partial().strict().optional(),
    }),
    run: async ({ name, copyOf, limits = {} }, context) => {
      const wanted = { name, limits: given(limits), ...(copyOf === undefined ? {} : { fork: copyOf }) };
      const made = await context.backend.databases.create(wanted);
      await firstUse(context, made.id);
      return { ...(await context.backend.databases.get(made.id)) };
    },
  }),
  destroyTool("databases_delete", {
    title: "Delete a database",
    description:
      "Begins a database's end; refused while a worker binds it. The operator finds a dump for 7 days.",
    input: z.object({ database }),
    run: async (input, { backend }) => ({
      ...(await backend.databases.delete(input.database, { keepDump: true })),
      deleting: true,
    }),
  }),
  readTool("databases_query", {
    title: "Query a database",
    description: "Runs one SQL statement as a role that can only read, with parameters for $1, $2 and so on.",
    input: z.object({ database, sql, params }),
    run: async (input, context) => await query(input, "read-only", context),
  }),
  destroyTool("databases_execute", {
    title: "Change a database",
    description:
      "Runs one SQL statement that may change rows and schema, with parameters for $1, $2 and so on.",
    input: z.object({ database, sql, params }),
    run: async (input, context) => await query(input, "owner", context),
  }),
];

async function query(
  input: { readonly database: string; readonly sql: string; readonly params: readonly unknown[] },
  scope: DatabaseScope,
  context: PlatformContext,
) {
  const { sql: text, params: values } = input;
  const results = await withAccess(context, input.database, { scope, minutes: 5 }, (access) =>
    access.query({ sql: text, params: values }),
  );
  return { results };
}
