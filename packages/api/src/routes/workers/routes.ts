import { z } from "@hono/zod-openapi";
import type { WorkerId } from "@openworkers/core";
import { renameWorker, setLogRetention, setWorkerEnvironment, setWorkerLimits } from "@openworkers/db/stores";
import { accountFor } from "../../access/account.ts";
import { find } from "../../access/owned.ts";
import { matchDeleted } from "../../http/etag.ts";
import { keyOf, page, pageOf, pageQuery } from "../../http/page.ts";
import type { Routes } from "../../http/route.ts";
import { accountQuery, text } from "../../http/schemas.ts";
import { deleteWithEnvironment } from "./environment.ts";
import { shownWorker, workersAfter, workerUrl } from "./queries.ts";
import { workerChangeSchema, workerParams, workerSchema } from "./schema.ts";

const tag = "Workers";

export function workerRoutes(routes: Routes): void {
  routes.add(
    {
      method: "get",
      path: "/workers",
      tag,
      summary: "List an account's workers by name",
      query: pageQuery.extend(accountQuery.shape).extend({
        search: text(100).min(1).optional().openapi({ description: "What the name holds." }),
      }),
      result: pageOf(workerSchema),
    },
    ({ query, together, env }) =>
      together(async (scope) => {
        const account = await accountFor(scope, query.account, { resource: "workers", action: "read" });
        const after = keyOf(z.string(), query.cursor);
        const { limit, search } = query;
        const rows = await workersAfter(scope.queries, { owner: account.id, after, limit, search });
        const shown = rows.map((row) => ({ ...row, url: workerUrl(row.name, env) }));
        return page(shown, query, ({ name }) => name);
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/workers/{worker}",
      tag,
      summary: "Get a worker",
      params: workerParams,
      result: workerSchema,
      tagged: true,
    },
    ({ params, together, env }) =>
      together(async (scope) => {
        const { id } = await find<WorkerId>(scope, "worker", { nameOrId: params.worker, action: "read" });
        return shownWorker(scope.queries, id, env);
      }),
  );

  routes.add(
    {
      method: "patch",
      path: "/workers/{worker}",
      tag,
      summary: "Change a worker's name, limits, environment or how long its logs are kept",
      params: workerParams,
      body: workerChangeSchema,
      result: workerSchema,
      tagged: true,
      matched: true,
    },
    ({ params, body, together, env }, { mustMatch }) =>
      together(async (scope) => {
        const found = await find<WorkerId>(scope, "worker", {
          nameOrId: params.worker,
          action: "write",
          lock: true,
        });
        mustMatch(await shownWorker(scope.queries, found.id, env));
        const change = { worker: found.name, by: scope.caller };
        const { limits, environment, logRetentionDays, name } = body;
        if (limits !== undefined) await setWorkerLimits(scope.database, { ...change, limits });
        if (environment !== undefined) await setWorkerEnvironment(scope.database, { ...change, environment });
        if (logRetentionDays !== undefined)
          await setLogRetention(scope.database, { ...change, days: logRetentionDays });
        if (name !== undefined && name !== found.name)
          await renameWorker(scope.database, { ...change, name });
        return shownWorker(scope.queries, found.id, env);
      }),
  );

  routes.add(
    {
      method: "delete",
      path: "/workers/{worker}",
      tag,
      summary: "Delete a worker with its versions, deployments, domains and routes",
      description:
        "Its environment goes with it unless other workers use it. Refused while other workers are bound to it.",
      params: workerParams,
      matched: true,
    },
    ({ params, request, together, env }) =>
      together(async (scope) => {
        const found = await find<WorkerId>(scope, "worker", {
          nameOrId: params.worker,
          action: "delete",
          lock: true,
        });
        matchDeleted(request, workerSchema, await shownWorker(scope.queries, found.id, env));
        await deleteWithEnvironment(scope, found);
      }),
  );
}
