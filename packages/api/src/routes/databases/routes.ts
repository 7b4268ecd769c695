import { z } from "@hono/zod-openapi";
import {
  type DatabaseId,
  databaseLimitsSchema,
  databaseScopes,
  isId,
  OpenWorkersError,
  resolveDatabaseLimits,
} from "@openworkers/core";
import {
  createDatabase,
  createDatabaseToken,
  createExternalDatabase,
  limitDatabase,
  listDatabaseTokens,
  markDeleting,
  revokeDatabaseToken,
} from "@openworkers/db/stores";
import { type Account, accountFor } from "../../access/account.ts";
import { find, type Owned } from "../../access/owned.ts";
import type { Scope } from "../../http/call.ts";
import { notFound } from "../../http/not-found.ts";
import { pageOf, pageOfAll, pageQuery } from "../../http/page.ts";
import type { Routes } from "../../http/route.ts";
import { accountQuery, id, nameOrId, time, timeOrNull } from "../../http/schemas.ts";
import { changeRoute, resourceRoutes, resourceShape } from "../resources/resource-routes.ts";
import { queryRoutes } from "./query.ts";

const tag = "Databases";
const name = z.string().min(1).max(64);
const limits = z.strictObject(databaseLimitsSchema.shape).partial();
const databaseParams = z.object({ database: nameOrId });

const databaseSchema = z
  .object({
    ...resourceShape,
    kind: z.enum(["platform", "external"]),
    state: z
      .enum(["wanted", "ready", "deleting"])
      .openapi({ description: "`wanted`: it is made when it is first used." }),
    limits: databaseLimitsSchema,
    sizeBytes: z.number().nullable().openapi({ description: "What it was last found to occupy." }),
    full: z.boolean().openapi({ description: "It is over its limit: rows are read and deleted only." }),
  })
  .openapi("Database");

const newDatabaseSchema = z
  .strictObject({
    name,
    limits: limits.default({}),
    fork: nameOrId
      .optional()
      .openapi({ description: "Name or id of the database that it is to be a copy of." }),
    url: z
      .string()
      .max(2_048)
      .optional()
      .openapi({ description: "Where it is, on a server of the owner's. Sealed, and never told again." }),
  })
  .refine(({ fork, url }) => fork === undefined || url === undefined, "fork and url exclude each other")
  .openapi("NewDatabase");

const tokenSchema = z
  .object({
    id,
    name: z.string(),
    scope: z.enum(databaseScopes),
    createdAt: time,
    expiresAt: timeOrNull,
    lastUsedAt: timeOrNull,
  })
  .openapi("DatabaseToken");

const dumpSchema = z
  .object({ id, name: z.string(), sizeBytes: z.number(), createdAt: time, expiresAt: time })
  .openapi("DatabaseDump");

const facesSchema = z
  .object({
    host: z.string(),
    port: z.number(),
    http: z.string().openapi({ description: "`query` below it takes the query protocol." }),
  })
  .openapi({ description: "Null where the platform has not been told." });

export function databaseRoutes(routes: Routes): void {
  const facts = {
    kind: "database",
    resource: "databases",
    tag,
    path: "databases",
    param: "database",
    noun: "a database",
    plural: "databases",
    shown: databaseSchema,
    created: newDatabaseSchema,
    show,
    create,
    deleteQuery: z.object({
      keepDump: z
        .enum(["true", "false"])
        .optional()
        .openapi({ description: "Whether a dump of it is kept for a while; it is unless told otherwise." }),
    }),
    async delete({ database, caller }: Scope, found: Owned<string>, search: URLSearchParams) {
      const keepDump = search.get("keepDump") !== "false";
      await markDeleting(database, { nameOrId: found.id, by: caller, keepDump });
    },
  } as const;
  resourceRoutes(routes, facts);
  changeRoute(
    routes,
    facts,
    z.strictObject({ name: name.optional(), limits: limits.optional() }),
    async (scope, found, wanted) => {
      if (wanted.limits === undefined) return;
      await limitDatabase(scope.database, found.id as DatabaseId, {
        limits: given(wanted.limits),
        by: scope.caller,
      });
    },
  );

  routes.add(
    {
      method: "get",
      path: "/databases/{database}/connection",
      tag,
      summary: "Get where a database is reached by PostgreSQL's clients and over HTTP, with a token of its",
      params: databaseParams,
      query: accountQuery,
      result: z.object({ faces: facesSchema.nullable() }).openapi("DatabaseConnection"),
    },
    async ({ params, query, reading, platform }) => {
      await reading((scope) => databaseOf(scope, params.database, query.account, "read"));
      return await platform.json(z.object({ faces: facesSchema.nullable() }), "/database-faces");
    },
  );

  routes.add(
    {
      method: "get",
      path: "/databases/{database}/deletion",
      tag,
      summary: "Get how far the deletion of a database is, by its id",
      params: databaseParams,
      result: z.object({ done: z.boolean(), failure: z.string().nullable(), dump: dumpSchema.or(z.null()) }),
    },
    ({ params, reading }) =>
      reading(async (scope) => {
        const { database } = params;
        if (!isId<"database">(database)) throw noSuch(database);
        const row = await scope.queries
          .selectFrom("databases")
          .select(["state", "owner_id", "deletion_failure as failure"])
          .where("id", "=", database)
          .executeTakeFirst();
        const dump = (await selectDumps(scope).where("id", "=", database).executeTakeFirst()) ?? null;
        if (row === undefined && dump === null) throw noSuch(database);
        if (row !== undefined) {
          await accountFor(scope, row.owner_id, { resource: "databases", action: "read" });
          if (row.state !== "deleting") throw noSuch(database);
        }
        return { done: row === undefined, failure: row?.failure ?? null, dump };
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/database-dumps",
      tag,
      summary: "List what is kept of an account's deleted databases",
      query: pageQuery.extend(accountQuery.shape),
      result: pageOf(dumpSchema),
    },
    ({ query, reading }) =>
      reading(async (scope) => {
        const account = await accountFor(scope, query.account, { resource: "databases", action: "read" });
        const all = await selectDumps(scope).where("owner_id", "=", account.id).execute();
        return pageOfAll(all, query, (dump) => dump.id);
      }),
  );

  tokenRoutes(routes);
  queryRoutes(routes);
}

function tokenRoutes(routes: Routes): void {
  routes.add(
    {
      method: "get",
      path: "/databases/{database}/tokens",
      tag,
      summary: "List a database's tokens",
      params: databaseParams,
      query: pageQuery.extend(accountQuery.shape),
      result: pageOf(tokenSchema),
    },
    ({ params, query, reading }) =>
      reading(async (scope) => {
        const found = await databaseOf(scope, params.database, query.account, "read");
        return pageOfAll(await listDatabaseTokens(scope.database, found.id), query, (token) => token.name);
      }),
  );

  routes.add(
    {
      method: "post",
      path: "/databases/{database}/tokens",
      tag,
      summary: "Make a token for PostgreSQL's clients and the query protocol; it is told once",
      params: databaseParams,
      query: accountQuery,
      body: z.strictObject({
        name,
        scope: z.enum(databaseScopes),
        expiresAt: z.iso.datetime({ offset: true }).optional(),
      }),
      result: z.object({ id, name: z.string(), token: z.string() }).openapi("NewDatabaseToken"),
      status: 201,
    },
    ({ params, query, body, together }) =>
      together(async (scope) => {
        const found = await databaseOf(scope, params.database, query.account, "write");
        const { expiresAt, ...wanted } = body;
        const made = await createDatabaseToken(scope.database, {
          ...wanted,
          databaseId: found.id,
          by: scope.caller,
          ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt) }),
        });
        return { ...made, name: body.name };
      }),
  );

  routes.add(
    {
      method: "delete",
      path: "/databases/{database}/tokens/{token}",
      tag,
      summary: "Revoke a token by its name: sessions that began with it end",
      params: databaseParams.extend({ token: name }),
      query: accountQuery,
    },
    ({ params, query, together }) =>
      together(async (scope) => {
        const found = await databaseOf(scope, params.database, query.account, "write");
        await revokeDatabaseToken(scope.database, {
          databaseId: found.id,
          name: params.token,
          by: scope.caller,
        });
      }),
  );
}

function databaseOf(scope: Scope, wanted: string, account: string | undefined, action: "read" | "write") {
  return find<DatabaseId>(scope, "database", { nameOrId: wanted, account, action });
}

async function create(
  scope: Scope,
  { id: owner }: Account,
  { name: wanted, limits: asked, fork, url }: z.output<typeof newDatabaseSchema>,
): Promise<string> {
  const made = { name: wanted, limits: given(asked), by: scope.caller, owner };
  if (url !== undefined) {
    return createExternalDatabase(scope.database, { ...made, url }).catch((thrown: unknown) => {
      // The user's own address, and not the platform's configuration.
      if (!(thrown instanceof OpenWorkersError) || thrown.code !== "CONFIG_INVALID") throw thrown;
      throw new OpenWorkersError("INVALID_INPUT", thrown.message, {
        cause: thrown,
        details: { issues: [{ path: "url", message: thrown.message, in: "body" }] },
      });
    });
  }
  if (fork === undefined) return createDatabase(scope.database, made);
  const source = await databaseOf(scope, fork, owner, "write");
  return createDatabase(scope.database, { ...made, fork: source.id });
}

async function show({ queries }: Scope, ids: readonly string[]): Promise<z.input<typeof databaseSchema>[]> {
  const rows = await queries
    .selectFrom("databases")
    .innerJoin("users", "users.id", "owner_id")
    .select([
      "databases.id",
      "databases.name",
      "users.name as account",
      "databases.created_at as createdAt",
      "databases.kind",
      "state",
      "limits",
      "size_bytes as sizeBytes",
      "is_full as full",
    ])
    .where("databases.id", "in", ids as DatabaseId[])
    .orderBy("databases.name")
    .execute();
  return rows.map((row) => ({ ...row, limits: resolveDatabaseLimits(row.limits) }));
}

function selectDumps({ queries }: Scope) {
  return queries
    .selectFrom("database_dumps")
    .select([
      "id",
      "database_name as name",
      "size_bytes as sizeBytes",
      "created_at as createdAt",
      "expires_at as expiresAt",
    ]);
}

function noSuch(database: string): OpenWorkersError {
  return notFound(`No database ${database} is being deleted.`, "/databases");
}

function given<T extends object>(value: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never;
}
