import { z } from "@hono/zod-openapi";
import type { WorkerId } from "@openworkers/core";
import { changeValues, ensureWorkerEnvironment, listValues, maxValueBytes } from "@openworkers/db/stores";
import { find } from "../../access/owned.ts";
import type { Scope } from "../../http/call.ts";
import { matchDeleted } from "../../http/etag.ts";
import { notFound } from "../../http/not-found.ts";
import type { Routes } from "../../http/route.ts";
import { environmentOf } from "../workers/environment.ts";
import { workerParams } from "../workers/schema.ts";
import {
  changeShown,
  shownValues,
  valueName,
  valuesChangedSchema,
  valuesChangeSchema,
  valuesSchema,
} from "./values.ts";

const tag = "Values";
const secretParams = workerParams.extend({ name: valueName });

export function valueRoutes(routes: Routes): void {
  routes.add(
    {
      method: "get",
      path: "/workers/{worker}/values",
      tag,
      summary: "List the vars and secrets of a worker's environment",
      params: workerParams,
      result: valuesSchema,
      tagged: true,
    },
    ({ params, reading }) =>
      reading(async (scope) => {
        const { id } = await find<WorkerId>(scope, "worker", { nameOrId: params.worker, action: "read" });
        return shownValues(scope, await environmentOf(scope.queries, id));
      }),
  );

  routes.add(
    {
      method: "patch",
      path: "/workers/{worker}/values",
      tag,
      summary: "Set and remove vars and secrets of a worker's environment, all of it or nothing",
      description:
        "A worker without an environment is given one. Other workers that use it have the same values.",
      params: workerParams,
      body: valuesChangeSchema,
      result: valuesChangedSchema,
      matched: true,
    },
    ({ params, body, request, together }) =>
      together(async (scope) => {
        const environmentId = await ownEnvironment(scope, params.worker);
        matchDeleted(request, valuesSchema, await shownValues(scope, environmentId));
        return changeShown(scope, environmentId, body);
      }),
  );

  routes.add(
    {
      method: "put",
      path: "/workers/{worker}/secrets/{name}",
      tag,
      summary: "Set a secret",
      description: "It is sealed before it is stored: the API can write a secret, and never read one.",
      params: secretParams,
      body: z.strictObject({ value: z.string().max(maxValueBytes) }),
    },
    ({ params, body, together }) =>
      together(async (scope) => {
        const environmentId = await ownEnvironment(scope, params.worker);
        const set = [{ name: params.name, kind: "secret" as const, value: body.value }];
        await changeValues(scope.database, { environmentId, set, by: scope.caller });
      }),
  );

  routes.add(
    {
      method: "delete",
      path: "/workers/{worker}/secrets/{name}",
      tag,
      summary: "Remove a secret",
      params: secretParams,
    },
    ({ params, together }) =>
      together(async (scope) => {
        const { id } = await find<WorkerId>(scope, "worker", {
          nameOrId: params.worker,
          action: "write",
          lock: true,
        });
        const environmentId = await environmentOf(scope.queries, id);
        const there = environmentId === undefined ? [] : await listValues(scope.database, environmentId);
        const secret = there.find(({ name, kind }) => name === params.name && kind === "secret");
        if (environmentId === undefined || secret === undefined) {
          throw notFound(`The worker has no secret ${params.name}.`, `/workers/${params.worker}/values`);
        }
        await changeValues(scope.database, { environmentId, unset: [secret.name], by: scope.caller });
      }),
  );
}

/** The environment of a worker that the caller may change, made when it has none; the worker is locked. */
async function ownEnvironment(scope: Scope, nameOrId: string) {
  const { name } = await find<WorkerId>(scope, "worker", { nameOrId, action: "write", lock: true });
  return ensureWorkerEnvironment(scope.database, { worker: name, by: scope.caller });
}
