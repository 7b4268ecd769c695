import { z } from "@hono/zod-openapi";
import { isId, OpenWorkersError, type UserId } from "@openworkers/core";
import type { MemberRole, Queries } from "@openworkers/db/access";
import { auditFor } from "../../access/audit.ts";
import { matchDeleted } from "../../http/etag.ts";
import { notFound } from "../../http/not-found.ts";
import { keyOf, page, pageOf, pageQuery } from "../../http/page.ts";
import type { Routes } from "../../http/route.ts";
import { id, nameOrId, time } from "../../http/schemas.ts";
import { organisationFor, roles } from "../accounts/routes.ts";

const tag = "Members";
const accountParams = z.object({ account: nameOrId });
const memberParams = accountParams.extend({ member: nameOrId });

const memberSchema = z
  .object({
    userId: id,
    name: z.string(),
    displayName: z.string().nullable(),
    role: z.enum(roles),
    since: time,
  })
  .openapi("Member");

export function memberRoutes(routes: Routes): void {
  routes.add(
    {
      method: "get",
      path: "/accounts/{account}/members",
      tag,
      summary: "List an organisation's members by name",
      params: accountParams,
      query: pageQuery,
      result: pageOf(memberSchema),
    },
    ({ params, query, reading }) =>
      reading(async (scope) => {
        const { id: organisation } = await organisationFor(scope, params.account, "read");
        const after = keyOf(z.string(), query.cursor);
        const rows = await select(scope.queries, organisation)
          .where(({ eb, lit }) => (after === undefined ? lit(true) : eb("users.name", ">", after)))
          .orderBy("users.name")
          .limit(query.limit + 1)
          .execute();
        return page(rows, query, ({ name }) => name);
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/accounts/{account}/members/{member}",
      tag,
      summary: "Get a member",
      params: memberParams,
      result: memberSchema,
      tagged: true,
    },
    ({ params, reading }) =>
      reading(async (scope) => {
        const { id: organisation } = await organisationFor(scope, params.account, "read");
        return memberOf(scope.queries, organisation, params.member);
      }),
  );

  routes.add(
    {
      method: "patch",
      path: "/accounts/{account}/members/{member}",
      tag,
      summary: "Give a member another role",
      description: "Only owners make and unmake owners; an organisation keeps one.",
      params: memberParams,
      body: z.strictObject({ role: z.enum(roles) }),
      result: memberSchema,
      tagged: true,
      matched: true,
    },
    ({ params, body, together }, { mustMatch }) =>
      together(async (scope) => {
        const organisation = await organisationFor(scope, params.account, "write");
        const member = await memberOf(scope.queries, organisation.id, params.member);
        mustMatch(member);
        const { numUpdatedRows } = await scope.queries
          .updateTable("members")
          .set({ role: body.role })
          .where("organisation_id", "=", organisation.id)
          .where("user_id", "=", member.userId)
          .executeTakeFirst();
        if (numUpdatedRows === 0n) throw ownersOnly();
        const details = { member: member.name, role: body.role };
        await auditFor(scope, organisation.id, "member.change", organisation.name, details);
        return memberOf(scope.queries, organisation.id, member.userId);
      }),
  );

  routes.add(
    {
      method: "delete",
      path: "/accounts/{account}/members/{member}",
      tag,
      summary: "Take a member out of an organisation, or leave it",
      params: memberParams,
      matched: true,
    },
    ({ params, request, together }) =>
      together(async (scope) => {
        const organisation = await organisationFor(scope, params.account, "read");
        const member = await memberOf(scope.queries, organisation.id, params.member);
        if (member.userId !== scope.caller) await organisationFor(scope, params.account, "write");
        matchDeleted(request, memberSchema, member);
        // Before: whoever leaves writes nothing there afterwards.
        await auditFor(scope, organisation.id, "member.remove", organisation.name, { member: member.name });
        const { numDeletedRows } = await scope.queries
          .deleteFrom("members")
          .where("organisation_id", "=", organisation.id)
          .where("user_id", "=", member.userId)
          .executeTakeFirst();
        if (numDeletedRows === 0n) throw ownersOnly();
      }),
  );
}

function ownersOnly(): OpenWorkersError {
  return new OpenWorkersError("FORBIDDEN", "Only an owner makes and unmakes owners.");
}

/** @throws OpenWorkersError NOT_FOUND */
async function memberOf(
  queries: Queries,
  organisation: UserId,
  wanted: string,
): Promise<{ userId: UserId; name: string; displayName: string | null; role: MemberRole; since: Date }> {
  const member = await select(queries, organisation)
    .where(({ eb, or }) =>
      or([eb("users.name", "=", wanted), ...(isId<"user">(wanted) ? [eb("users.id", "=", wanted)] : [])]),
    )
    .executeTakeFirst();
  if (member === undefined)
    throw notFound(`There is no member "${wanted}".`, `/accounts/${organisation}/members`);
  return member;
}

function select(queries: Queries, organisation: UserId) {
  return queries
    .selectFrom("members")
    .innerJoin("users", "users.id", "members.user_id")
    .select([
      "users.id as userId",
      "users.name",
      "users.display_name as displayName",
      "members.role",
      "members.created_at as since",
    ])
    .where("organisation_id", "=", organisation);
}
