import { z } from "@hono/zod-openapi";
import { newId, OpenWorkersError, type UserId } from "@openworkers/core";
import { errorCode, type Queries } from "@openworkers/db/access";
import { sql } from "kysely";
import { accountFor, mayBeNamed } from "../../access/account.ts";
import { auditFor } from "../../access/audit.ts";
import type { Scope } from "../../http/call.ts";
import { matchDeleted } from "../../http/etag.ts";
import { keyOf, page, pageOf, pageQuery } from "../../http/page.ts";
import type { Routes } from "../../http/route.ts";
import { id, nameOrId, text, time } from "../../http/schemas.ts";

const tag = "Accounts";
export const roles = ["owner", "admin", "developer", "viewer"] as const;

const accountSchema = z
  .object({
    id,
    name: z.string(),
    displayName: z.string().nullable(),
    kind: z.enum(["person", "organisation", "system"]),
    role: z.enum(roles).openapi({ description: "The caller's; in their own account they are owner." }),
    createdAt: time,
  })
  .openapi("Account");

const callerSchema = accountSchema.extend({ isOperator: z.boolean() }).openapi("Caller");

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, "is no name: lower-case letters, digits, dots, hyphens");
const displayName = text(100).min(1);

export function accountRoutes(routes: Routes): void {
  routes.add(
    {
      method: "get",
      path: "/account",
      tag,
      summary: "Get who calls",
      result: callerSchema,
      tagged: true,
    },
    ({ reading }) =>
      reading(async (scope) => {
        const caller = await select(scope)
          .select("users.is_operator as isOperator")
          .where("users.id", "=", scope.caller)
          .executeTakeFirst();
        if (caller === undefined) throw new OpenWorkersError("UNAUTHORIZED", "The account is gone.");
        return caller;
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/accounts",
      tag,
      summary: "List the accounts that the caller acts in: their own and their organisations, by name",
      query: pageQuery.extend({ kind: accountSchema.shape.kind.optional() }),
      result: pageOf(accountSchema),
    },
    ({ query, reading }) =>
      reading(async (scope) => {
        const after = keyOf(z.string(), query.cursor);
        const rows = await select(scope)
          .where(mayBeNamed(scope.caller))
          .where(({ eb, lit }) => (after === undefined ? lit(true) : eb("users.name", ">", after)))
          .where(({ eb, lit }) => (query.kind === undefined ? lit(true) : eb("kind", "=", query.kind)))
          .orderBy("users.name")
          .limit(query.limit + 1)
          .execute();
        return page(rows, query, (account) => account.name);
      }),
  );

  routes.add(
    {
      method: "post",
      path: "/accounts",
      tag,
      summary: "Make an organisation, which the caller then owns",
      body: z.strictObject({ name, displayName: displayName.optional() }),
      result: accountSchema,
      status: 201,
      idempotent: true,
    },
    ({ body }, { made }) =>
      made(async (scope) => {
        const organisation = newId<"user">();
        try {
          await sql`select create_organisation(${organisation}, ${body.name}, ${body.displayName ?? null})`.execute(
            scope.queries,
          );
        } catch (thrown) {
          if (errorCode(thrown) !== "23505") throw thrown;
          throw new OpenWorkersError("CONFLICT", `The name "${body.name}" is taken.`, { cause: thrown });
        }
        await auditFor(scope, organisation, "organisation.create", body.name);
        return shown(scope, organisation);
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/accounts/{account}",
      tag,
      summary: "Get an account",
      params: z.object({ account: nameOrId }),
      result: accountSchema,
      tagged: true,
    },
    ({ params, reading }) =>
      reading(async (scope) => {
        const account = await accountFor(scope, params.account, { resource: "members", action: "read" });
        return shown(scope, account.id);
      }),
  );

  routes.add(
    {
      method: "patch",
      path: "/accounts/{account}",
      tag,
      summary: "Change how an organisation is called",
      params: z.object({ account: nameOrId }),
      body: z.strictObject({ name: name.optional(), displayName: displayName.nullable().optional() }),
      result: accountSchema,
      tagged: true,
      matched: true,
    },
    ({ params, body, together }, { mustMatch }) =>
      together(async (scope) => {
        const account = await organisationFor(scope, params.account, "write");
        mustMatch(await shown(scope, account.id));
        const change = {
          ...(body.name === undefined ? {} : { name: body.name }),
          ...(body.displayName === undefined ? {} : { display_name: body.displayName }),
        };
        if (Object.keys(change).length > 0) {
          try {
            await scope.queries.updateTable("users").set(change).where("id", "=", account.id).execute();
          } catch (thrown) {
            if (errorCode(thrown) !== "23505") throw thrown;
            throw new OpenWorkersError("CONFLICT", `The name "${body.name}" is taken.`, { cause: thrown });
          }
          await auditFor(scope, account.id, "organisation.change", account.name, { ...body });
        }
        return shown(scope, account.id);
      }),
  );

  routes.add(
    {
      method: "delete",
      path: "/accounts/{account}",
      tag,
      summary: "Delete an organisation",
      description: "Refused while it owns anything. Only an owner may.",
      params: z.object({ account: nameOrId }),
      matched: true,
    },
    ({ params, request, together }) =>
      together(async (scope) => {
        const account = await organisationFor(scope, params.account, "delete");
        matchDeleted(request, accountSchema, await shown(scope, account.id));
        const { numDeletedRows } = await scope.queries
          .deleteFrom("users")
          .where("id", "=", account.id)
          .executeTakeFirst();
        if (numDeletedRows === 0n) {
          throw new OpenWorkersError("FORBIDDEN", "Only an owner deletes an organisation.");
        }
        await auditFor(scope, scope.caller, "organisation.delete", account.name);
      }),
  );
}

/** An organisation that the caller may do something with. @throws OpenWorkersError NOT_FOUND, FORBIDDEN, INVALID_INPUT (a person) */
export async function organisationFor(scope: Scope, nameOrId: string, action: "read" | "write" | "delete") {
  const account = await accountFor(scope, nameOrId, { resource: "members", action });
  const { kind } = await scope.queries
    .selectFrom("users")
    .select("kind")
    .where("id", "=", account.id)
    .executeTakeFirstOrThrow();
  if (kind === "organisation") return account;
  throw new OpenWorkersError("INVALID_INPUT", `"${account.name}" is no organisation.`, { field: "account" });
}

async function shown(scope: Scope, account: UserId) {
  return select(scope).where("users.id", "=", account).executeTakeFirstOrThrow();
}

function select({ queries, caller }: { readonly queries: Queries; readonly caller: UserId }) {
  return queries
    .selectFrom("users")
    .select([
      "users.id",
      "users.name",
      "users.display_name as displayName",
      "users.kind",
      "users.created_at as createdAt",
    ])
    .select(
      // An operator may do anything anywhere.
      sql<(typeof roles)[number]>`coalesce(
        (select role from members where organisation_id = users.id and user_id = ${caller}), 'owner')`.as(
        "role",
      ),
    );
}
