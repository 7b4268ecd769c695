import { createHash } from "node:crypto";
import { z } from "@hono/zod-openapi";
import { type ApiKeyId, isId, newId, OpenWorkersError } from "@openworkers/core";
import { errorCode, type Queries } from "@openworkers/db/access";
import { type Account, accountFor, actions, resources } from "../../access/account.ts";
import { auditFor } from "../../access/audit.ts";
import type { Scope } from "../../http/call.ts";
import { notFound } from "../../http/not-found.ts";
import { keyOf, page, pageOf, pageQuery } from "../../http/page.ts";
import type { Routes } from "../../http/route.ts";
import { accountQuery, id, nameOrId, text, time, timeOrNull } from "../../http/schemas.ts";
import { newToken } from "./token.ts";

const tag = "API keys";
const shownCharacters = 10;

const scope = z
  .enum(["*", ...resources.flatMap((resource) => actions.map((action) => `${resource}:${action}` as const))])
  .openapi("Scope");

const keySchema = z
  .object({
    id,
    name: z.string(),
    user: z.string().openapi({ description: "Whose key it is: it can do what they can, within its scopes." }),
    account: z.string().nullable().openapi({ description: "The only account that it acts in." }),
    prefix: z.string(),
    scopes: z.array(z.string()),
    createdAt: time,
    expiresAt: timeOrNull,
    lastUsedAt: timeOrNull,
  })
  .openapi("ApiKey");

export function keyRoutes(routes: Routes): void {
  routes.add(
    {
      method: "get",
      path: "/keys",
      tag,
      summary: "List the caller's API keys, or those for one organisation, by name",
      query: pageQuery.extend(accountQuery.shape),
      result: pageOf(keySchema),
    },
    ({ query, reading }) =>
      reading(async (at) => {
        const account =
          query.account === undefined
            ? undefined
            : await accountFor(at, query.account, { resource: "keys", action: "read" });
        const after = keyOf(z.uuid(), query.cursor);
        const rows = await select(at.queries)
          .where(({ eb }) =>
            account === undefined
              ? eb("api_keys.user_id", "=", at.caller)
              : eb("account_id", "=", account.id),
          )
          .where(({ eb, lit }) =>
            after === undefined ? lit(true) : eb("api_keys.id", ">", after as ApiKeyId),
          )
          .orderBy("api_keys.id")
          .limit(query.limit + 1)
          .execute();
        return page(rows, query, (key) => key.id);
      }),
  );

  routes.add(
    {
      method: "post",
      path: "/keys",
      tag,
      summary: "Make an API key",
      description: "Its text is told once. It can be given no more than its maker came with.",
      query: accountQuery,
      body: z.strictObject({
        name: text(100).min(1),
        scopes: z.array(scope).min(1).max(64),
        expiresAt: z.iso.datetime({ offset: true }).optional(),
      }),
      result: keySchema.extend({ key: z.string() }).openapi("NewApiKey"),
      status: 201,
    },
    ({ query, body, together }) =>
      together(async (at) => {
        const account =
          query.account === undefined
            ? undefined
            : await accountFor(at, query.account, { resource: "workers", action: "read" });
        const expiresAt = body.expiresAt === undefined ? null : new Date(body.expiresAt);
        if (expiresAt !== null && expiresAt.getTime() <= Date.now()) {
          throw new OpenWorkersError("INVALID_INPUT", "expiresAt: A key expires in the future.", {
            details: { issues: [{ path: "expiresAt", message: "is in the past", in: "body" }] },
          });
        }
        const key = newToken("ow_");
        const made = await insertKey(at, { key, name: body.name, scopes: body.scopes, account, expiresAt });
        const details = {
          scopes: body.scopes,
          expiresAt,
          ...(account === undefined ? {} : { account: account.name }),
        };
        await auditFor(at, account?.id ?? at.caller, "key.create", body.name, details);
        return { ...(await shown(at.queries, made)), key };
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/keys/{key}",
      tag,
      summary: "Get an API key, without its text",
      params: z.object({ key: nameOrId }),
      result: keySchema,
    },
    ({ params, reading }) => reading(async (at) => find(at, params.key)),
  );

  routes.add(
    {
      method: "delete",
      path: "/keys/{key}",
      tag,
      summary: "Revoke an API key: it opens nothing any more",
      params: z.object({ key: nameOrId }),
    },
    ({ params, together }) =>
      together(async (at) => {
        const key = await find(at, params.key);
        const gone = await at.queries
          .deleteFrom("api_keys")
          .where("id", "=", key.id)
          .returning("account_id")
          .executeTakeFirst();
        if (gone === undefined) {
          throw new OpenWorkersError(
            "FORBIDDEN",
            "This takes keys:delete, which the role or the key does not have.",
          );
        }
        await auditFor(at, gone.account_id ?? at.caller, "key.revoke", key.name);
      }),
  );
}

async function insertKey(
  { queries, caller }: Scope,
  key: {
    readonly key: string;
    readonly name: string;
    readonly scopes: readonly string[];
    readonly account: Account | undefined;
    readonly expiresAt: Date | null;
  },
): Promise<ApiKeyId> {
  const made = newId<"api-key">();
  try {
    await queries
      .insertInto("api_keys")
      .values({
        id: made,
        user_id: caller,
        account_id: key.account?.id ?? null,
        name: key.name,
        prefix: key.key.slice(0, shownCharacters),
        hash: createHash("sha256").update(key.key).digest(),
        scopes: [...new Set(key.scopes)],
        expires_at: key.expiresAt,
      })
      .execute();
    return made;
  } catch (thrown) {
    if (errorCode(thrown) === "23505") {
      throw new OpenWorkersError("CONFLICT", `There is a key "${key.name}" already.`, { cause: thrown });
    }
    if (errorCode(thrown) !== "42501") throw thrown;
    throw new OpenWorkersError(
      "FORBIDDEN",
      "A key can be given no more, and for no longer, than its maker came with.",
      {
        cause: thrown,
      },
    );
  }
}

/** One of the caller's keys by name or id, or one for an organisation of theirs by its id. */
async function find({ queries, caller }: Scope, wanted: string) {
  const key = await select(queries)
    .where(({ eb, and, or }) =>
      or([
        and([eb("api_keys.user_id", "=", caller), eb("api_keys.name", "=", wanted)]),
        ...(isId<"api-key">(wanted) ? [eb("api_keys.id", "=", wanted)] : []),
      ]),
    )
    .where(({ eb, or, exists, selectFrom }) =>
      or([
        eb("api_keys.user_id", "=", caller),
        exists(
          selectFrom("members")
            .select("role")
            .whereRef("organisation_id", "=", "api_keys.account_id")
            .where("user_id", "=", caller)
            .where("role", "in", ["owner", "admin"]),
        ),
      ]),
    )
    .executeTakeFirst();
  if (key === undefined) throw notFound(`There is no API key "${wanted}".`, "/keys");
  return key;
}

async function shown(queries: Queries, key: ApiKeyId) {
  return select(queries).where("api_keys.id", "=", key).executeTakeFirstOrThrow();
}

function select(queries: Queries) {
  return queries
    .selectFrom("api_keys")
    .innerJoin("users", "users.id", "api_keys.user_id")
    .leftJoin("users as accounts", "accounts.id", "api_keys.account_id")
    .select([
      "api_keys.id",
      "api_keys.name",
      "users.name as user",
      "accounts.name as account",
      "prefix",
      "scopes",
      "api_keys.created_at as createdAt",
      "api_keys.expires_at as expiresAt",
      "last_used_at as lastUsedAt",
    ]);
}
