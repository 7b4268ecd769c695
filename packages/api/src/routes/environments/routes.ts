import { z } from "@hono/zod-openapi";
import type { EnvironmentId, UserId } from "@openworkers/core";
import type { Queries } from "@openworkers/db/access";
import { createEnvironment, deleteEnvironment } from "@openworkers/db/stores";
import { sql } from "kysely";
import { accountFor } from "../../access/account.ts";
import { find } from "../../access/owned.ts";
import { matchDeleted } from "../../http/etag.ts";
import { keyOf, page, pageOf, pageQuery } from "../../http/page.ts";
import type { Routes } from "../../http/route.ts";
import { accountQuery, id, nameOrId, time } from "../../http/schemas.ts";
import {
  changeShown,
  shownValues,
  valuesChangedSchema,
  valuesChangeSchema,
  valuesSchema,
} from "../values/values.ts";

const tag = "Environments";
const params = z.object({ environment: nameOrId });

const environmentSchema = z
  .object({
    id,
    name: z.string(),
    account: z.string(),
    revision: z.number().openapi({ description: "Grows with every change of a value." }),
    workers: z.array(z.string()).openapi({ description: "Those that use it." }),
    createdAt: time,
  })
  .openapi("Environment");

export function environmentRoutes(routes: Routes): void {
  routes.add(
    {
      method: "get",
      path: "/environments",
      tag,
      summary: "List an account's environments by name",
      query: pageQuery.extend(accountQuery.shape),
      result: pageOf(environmentSchema),
    },
    ({ query, reading }) =>
      reading(async (scope) => {
        const account = await accountFor(scope, query.account, { resource: "workers", action: "read" });
        const after = keyOf(z.string(), query.cursor);
        const rows = await select(scope.queries)
          .where("owner_id", "=", account.id)
          .where(({ eb, lit }) => (after === undefined ? lit(true) : eb("environments.name", ">", after)))
          .orderBy("environments.name")
          .limit(query.limit + 1)
          .execute();
        return page(rows, query, ({ name }) => name);
      }),
  );

  routes.add(
    {
      method: "post",
      path: "/environments",
      tag,
      summary: "Make an environment",
      query: accountQuery,
      body: z.strictObject({ name: z.string().min(1).max(100) }),
      result: environmentSchema,
      status: 201,
      idempotent: true,
    },
    ({ query, body }, { made }) =>
      made(async (scope) => {
        const account = await accountFor(scope, query.account, { resource: "workers", action: "write" });
        const owner: UserId = account.id;
        const made = await createEnvironment(scope.database, { name: body.name, by: scope.caller, owner });
        return shown(scope.queries, made);
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/environments/{environment}",
      tag,
      summary: "Get an environment",
      params,
      query: accountQuery,
      result: environmentSchema,
      tagged: true,
    },
    ({ params: { environment }, query, reading }) =>
      reading(async (scope) => {
        const found = await find<EnvironmentId>(scope, "environment", {
          nameOrId: environment,
          account: query.account,
          action: "read",
        });
        return shown(scope.queries, found.id);
      }),
  );

  routes.add(
    {
      method: "delete",
      path: "/environments/{environment}",
      tag,
      summary: "Delete an environment with its values",
      description: "Refused while workers use it.",
      params,
      query: accountQuery,
      matched: true,
    },
    ({ params: { environment }, query, request, together }) =>
      together(async (scope) => {
        const found = await find<EnvironmentId>(scope, "environment", {
          nameOrId: environment,
          account: query.account,
          action: "delete",
          lock: true,
        });
        matchDeleted(request, environmentSchema, await shown(scope.queries, found.id));
        await deleteEnvironment(scope.database, { environmentId: found.id, by: scope.caller });
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/environments/{environment}/values",
      tag,
      summary: "List an environment's vars and secrets",
      params,
      query: accountQuery,
      result: valuesSchema,
      tagged: true,
    },
    ({ params: { environment }, query, reading }) =>
      reading(async (scope) => {
        const found = await find<EnvironmentId>(scope, "environment", {
          nameOrId: environment,
          account: query.account,
          action: "read",
        });
        return shownValues(scope, found.id);
      }),
  );

  routes.add(
    {
      method: "patch",
      path: "/environments/{environment}/values",
      tag,
      summary: "Set and remove an environment's vars and secrets, all of it or nothing",
      params,
      query: accountQuery,
      body: valuesChangeSchema,
      result: valuesChangedSchema,
      matched: true,
    },
    ({ params: { environment }, query, body, request, together }) =>
      together(async (scope) => {
        const found = await find<EnvironmentId>(scope, "environment", {
          nameOrId: environment,
          account: query.account,
          action: "write",
          lock: true,
        });
        matchDeleted(request, valuesSchema, await shownValues(scope, found.id));
        return changeShown(scope, found.id, body);
      }),
  );
}

async function shown(queries: Queries, environment: EnvironmentId) {
  return select(queries).where("environments.id", "=", environment).executeTakeFirstOrThrow();
}

function select(queries: Queries) {
  return queries
    .selectFrom("environments")
    .innerJoin("users", "users.id", "environments.owner_id")
    .select([
      "environments.id",
      "environments.name",
      "users.name as account",
      "revision",
      "environments.created_at as createdAt",
    ])
    .select(
      sql<string[]>`array(select name from workers where environment_id = environments.id order by name)`.as(
        "workers",
      ),
    );
}
