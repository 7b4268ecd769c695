import { z } from "@hono/zod-openapi";
import { bindingKinds, rateLimitSchema, type WorkerId } from "@openworkers/core";
import { changeValues, ensureWorkerEnvironment, listBindings } from "@openworkers/db/stores";
import { find } from "../../access/owned.ts";
import type { Scope } from "../../http/call.ts";
import { matchDeleted } from "../../http/etag.ts";
import type { Routes } from "../../http/route.ts";
import { id } from "../../http/schemas.ts";
import { valueName } from "../values/values.ts";
import { environmentBindingSchema, toEnvironmentBinding } from "../versions/wanted.ts";
import { workerParams } from "../workers/schema.ts";

const tag = "Bindings";

const bindingSchema = z
  .object({
    name: z.string(),
    kind: z.enum(bindingKinds),
    resource: z.string().nullable(),
    id: id.nullable(),
    entrypoint: z.string().nullable(),
    settings: rateLimitSchema.nullable(),
    source: z.enum(["environment", "version"]).openapi({
      description: "Whether the worker's environment holds it, or its version as the manifest said.",
    }),
  })
  .openapi("Binding");
const bindingsSchema = z.object({ items: z.array(bindingSchema) }).openapi("Bindings");

const changeSchema = z
  .strictObject({
    set: z.record(valueName, environmentBindingSchema).optional(),
    unset: z.array(valueName).max(1_000).optional(),
  })
  .openapi("BindingsChange");

export function bindingRoutes(routes: Routes): void {
  routes.add(
    {
      method: "get",
      path: "/workers/{worker}/bindings",
      tag,
      summary: "List what a worker is bound to now",
      params: workerParams,
      result: bindingsSchema,
      tagged: true,
    },
    ({ params, reading }) =>
      reading(async (scope) => {
        const { name } = await find<WorkerId>(scope, "worker", { nameOrId: params.worker, action: "read" });
        return shown(scope, name);
      }),
  );

  routes.add(
    {
      method: "patch",
      path: "/workers/{worker}/bindings",
      tag,
      summary: "Bind names in a worker's environment, which goes before its manifest, all of it or nothing",
      params: workerParams,
      body: changeSchema,
      result: bindingsSchema.extend({ unset: z.array(z.string()) }).openapi("BindingsChanged"),
      matched: true,
    },
    ({ params, body, request, together }) =>
      together(async (scope) => {
        const { name } = await find<WorkerId>(scope, "worker", {
          nameOrId: params.worker,
          action: "write",
          lock: true,
        });
        const before = await shown(scope, name);
        matchDeleted(request, bindingsSchema, before);
        const held = new Set(
          before.items.flatMap((binding) => (binding.source === "environment" ? [binding.name] : [])),
        );
        const unset = [...new Set(body.unset ?? [])].filter((each) => held.has(each));
        const set = Object.entries(body.set ?? {}).map(([each, binding]) => ({
          name: each,
          ...toEnvironmentBinding(binding),
        }));
        if (set.length > 0 || unset.length > 0) {
          const environmentId = await ensureWorkerEnvironment(scope.database, {
            worker: name,
            by: scope.caller,
          });
          await changeValues(scope.database, { environmentId, set, unset, by: scope.caller });
        }
        return { ...(await shown(scope, name)), unset };
      }),
  );
}

async function shown({ database }: Scope, worker: string) {
  return { items: await listBindings(database, worker) };
}
