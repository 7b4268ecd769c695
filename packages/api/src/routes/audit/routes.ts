import { z } from "@hono/zod-openapi";
import { isId } from "@openworkers/core";
import { sql } from "kysely";
import { accountFor } from "../../access/account.ts";
import { keyOf, page, pageOf, pageQuery } from "../../http/page.ts";
import type { Routes } from "../../http/route.ts";
import { accountQuery, nameOrId, text, time } from "../../http/schemas.ts";

const entrySchema = z
  .object({
    id: z.int(),
    at: time,
    user: z.string().openapi({ description: "Name of who did it." }),
    action: z.string(),
    subject: z.string(),
    details: z.record(z.string(), z.unknown()),
  })
  .openapi("AuditEntry");

export function auditRoutes(routes: Routes): void {
  routes.add(
    {
      method: "get",
      path: "/audit",
      tag: "Audit log",
      summary: "List what was done in an account, the newest first",
      query: pageQuery.extend(accountQuery.shape).extend({
        subject: text(300).optional().openapi({ description: "Only of this name." }),
        action: text(100)
          .optional()
          .openapi({ description: "Only this, as `worker.deploy`; or all of a kind, as `worker.`." }),
        user: nameOrId.optional().openapi({ description: "Only what this person did." }),
      }),
      result: pageOf(entrySchema),
    },
    ({ query, reading }) =>
      reading(async (scope) => {
        const account = await accountFor(scope, query.account, { resource: "audit", action: "read" });
        const before = keyOf(z.int(), query.cursor);
        const rows = await scope.queries
          .selectFrom("audit_log")
          .leftJoin("users", "users.id", "audit_log.user_id")
          .select(["audit_log.id", "at", "action", "subject", "details"])
          .select(sql<string>`coalesce(users.name, 'somebody')`.as("user"))
          .where(
            account.id === scope.caller
              ? sql<boolean>`(account_id = ${account.id} or user_id = ${account.id})`
              : sql<boolean>`account_id = ${account.id}`,
          )
          .$if(query.subject !== undefined, (select) => select.where("subject", "=", query.subject ?? ""))
          .$if(query.action !== undefined, (select) => select.where(actionIs(query.action ?? "")))
          .$if(query.user !== undefined, (select) => select.where(userIs(query.user ?? "")))
          .$if(before !== undefined, (select) => select.where("audit_log.id", "<", before ?? 0))
          .orderBy("audit_log.id", "desc")
          .limit(query.limit + 1)
          .execute();
        return page(rows, query, ({ id }) => id);
      }),
  );
}

function actionIs(wanted: string) {
  return wanted.endsWith(".")
    ? sql<boolean>`starts_with(action, ${wanted})`
    : sql<boolean>`action = ${wanted}`;
}

function userIs(wanted: string) {
  return isId<"user">(wanted)
    ? sql<boolean>`audit_log.user_id = ${wanted}`
    : sql<boolean>`users.name = ${wanted}`;
}
