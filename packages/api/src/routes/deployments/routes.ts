import { z } from "@hono/zod-openapi";
import { type DeploymentId, isId, OpenWorkersError, type WorkerId } from "@openworkers/core";
import type { Queries } from "@openworkers/db/access";
import { createDeployment, rollback } from "@openworkers/db/stores";
import { sql } from "kysely";
import { find } from "../../access/owned.ts";
import { notFound } from "../../http/not-found.ts";
import { keyOf, page, pageOf, pageQuery } from "../../http/page.ts";
import type { Routes } from "../../http/route.ts";
import { id, text, time, versionNumber } from "../../http/schemas.ts";
import { shareSchema, workerParams } from "../workers/schema.ts";

const tag = "Deployments";

const deploymentSchema = z
  .object({
    id,
    versions: z.array(shareSchema).openapi({ description: "The largest share first." }),
    message: z.string().nullable(),
    createdBy: z.string(),
    createdAt: time,
    live: z.boolean().openapi({ description: "It serves the worker's requests." }),
  })
  .openapi("Deployment");
type Shown = z.input<typeof deploymentSchema>;

export function deploymentRoutes(routes: Routes): void {
  routes.add(
    {
      method: "get",
      path: "/workers/{worker}/deployments",
      tag,
      summary: "List a worker's deployments, the newest first",
      params: workerParams,
      query: pageQuery,
      result: pageOf(deploymentSchema),
    },
    ({ params, query, reading }) =>
      reading(async (scope) => {
        const worker = await find<WorkerId>(scope, "worker", { nameOrId: params.worker, action: "read" });
        const before = keyOf(z.int(), query.cursor);
        const rows = await select(scope.queries, worker.id)
          .where(({ eb, lit }) => (before === undefined ? lit(true) : eb("sequence", "<", before)))
          .orderBy("sequence", "desc")
          .limit(query.limit + 1)
          .execute();
        return page(rows, query, ({ sequence }) => sequence);
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/workers/{worker}/deployments/{deployment}",
      tag,
      summary: "Get a deployment",
      params: workerParams.extend({ deployment: id }),
      result: deploymentSchema,
      tagged: true,
    },
    ({ params, reading }) =>
      reading(async (scope) => {
        const worker = await find<WorkerId>(scope, "worker", { nameOrId: params.worker, action: "read" });
        return shown(scope.queries, worker.id, params.deployment);
      }),
  );

  routes.add(
    {
      method: "post",
      path: "/workers/{worker}/deployments",
      tag,
      summary: "Make existing versions live, each with a share of the requests",
      params: workerParams,
      body: z.strictObject({
        versions: z.array(shareSchema).min(1).max(100),
        message: text(1_000).optional(),
      }),
      result: deploymentSchema,
      status: 201,
      idempotent: true,
    },
    ({ params, body }, { made }) =>
      made(async (scope) => {
        const worker = await find<WorkerId>(scope, "worker", { nameOrId: params.worker, action: "write" });
        const versions = new Map(body.versions.map(({ version, percent }) => [version, percent]));
        if (versions.size < body.versions.length) {
          throw new OpenWorkersError("INVALID_INPUT", "versions: one of them is named twice.", {
            details: { issues: [{ path: "versions", message: "one of them is named twice", in: "body" }] },
          });
        }
        const { message } = body;
        const deployment = await createDeployment(scope.database, {
          worker: worker.name,
          versions,
          by: scope.caller,
          ...(message === undefined ? {} : { message }),
        });
        return shown(scope.queries, worker.id, deployment);
      }),
  );

  routes.add(
    {
      method: "post",
      path: "/workers/{worker}/rollback",
      tag,
      summary: "Make an earlier version live again",
      description:
        "The one with the largest share of the deployment before the live one, unless a version is named.",
      params: workerParams,
      body: z.strictObject({ version: versionNumber.optional(), message: text(1_000).optional() }),
      result: deploymentSchema,
      status: 201,
      idempotent: true,
    },
    ({ params, body }, { made }) =>
      made(async (scope) => {
        const worker = await find<WorkerId>(scope, "worker", { nameOrId: params.worker, action: "write" });
        const { version, message } = body;
        await rollback(scope.database, {
          worker: worker.name,
          by: scope.caller,
          ...(version === undefined ? {} : { version }),
          ...(message === undefined ? {} : { message }),
        });
        const [live] = await select(scope.queries, worker.id).orderBy("sequence", "desc").limit(1).execute();
        if (live === undefined) throw notFound("The worker was deleted.", "/workers");
        return live;
      }),
  );
}

async function shown(queries: Queries, worker: WorkerId, deployment: string): Promise<Shown> {
  const row = isId<"deployment">(deployment)
    ? await select(queries, worker)
        .where("deployments.id", "=", deployment as DeploymentId)
        .executeTakeFirst()
    : undefined;
  if (row === undefined)
    throw notFound(`The worker has no deployment ${deployment}.`, `/workers/${worker}/deployments`);
  return row;
}

function select(queries: Queries, worker: WorkerId) {
  return queries
    .selectFrom("deployments")
    .leftJoin("users", "users.id", "deployments.created_by")
    .select(["deployments.id", "sequence", "message", "deployments.created_at as createdAt"])
    .select([
      sql<string>`coalesce(users.name, 'somebody')`.as("createdBy"),
      sql<boolean>`sequence = (select max(newest.sequence) from deployments as newest where newest.worker_id = ${worker})`.as(
        "live",
      ),
      sql<Shown["versions"]>`(
        select json_agg(json_build_object('version', number, 'percent', percent) order by percent desc, number desc)
        from deployment_versions
        join worker_versions on worker_versions.id = deployment_versions.version_id
        where deployment_id = deployments.id)`.as("versions"),
    ])
    .where("deployments.worker_id", "=", worker);
}
