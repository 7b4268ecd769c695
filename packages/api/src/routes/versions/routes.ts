import { createHash } from "node:crypto";
import { z } from "@hono/zod-openapi";
import { formMetadata, readCode, type VersionId, type WorkerCode, type WorkerId } from "@openworkers/core";
import { find } from "../../access/owned.ts";
import { formBody } from "../../http/body.ts";
import type { Scope } from "../../http/call.ts";
import { noStore, parseInput } from "../../http/errors.ts";
import { keyOf, page, pageOf, pageQuery } from "../../http/page.ts";
import type { Routes } from "../../http/route.ts";
import { workerParams } from "../workers/schema.ts";
import { checkDeploy, runDeploy } from "./deploy.ts";
import { diffOf } from "./diff.ts";
import { moduleContent, shownVersion, sourceMapContent, sourceOf, versionsBefore } from "./queries.ts";
import {
  deployedSchema,
  diffSchema,
  sourceSchema,
  uploadSchema,
  versionParams,
  versionSchema,
} from "./schema.ts";

const tag = "Versions";
const moduleQuery = z.object({ name: z.string().min(1).max(1_024) });

export function versionRoutes(routes: Routes): void {
  routes.add(
    {
      method: "post",
      path: "/workers/{worker}/versions",
      tag,
      summary: "Deploy a version",
      description:
        "A form with the part `metadata` (JSON, see the schema `Upload`), a part for each module with the module's name, and one named `map:` and the module's name for each source map. It is started in a throw-away cell first; the worker is made when there is none.",
      params: workerParams,
      raw: {
        type: "multipart/form-data",
        schema: z.object({ metadata: uploadSchema }).catchall(z.string().openapi({ format: "binary" })),
      },
      result: deployedSchema,
      status: 201,
      idempotent: true,
    },
    async ({ request, params, together, platform }, { made }) => {
      const form = await formBody(request);
      const said = await formMetadata(form);
      const metadata = parseInput(uploadSchema, said, "metadata");
      const deploy = { worker: params.worker, code: await readCode(form, metadata), metadata };
      const checked = await checkDeploy(deploy, { together, platform });
      return made((scope) => runDeploy(scope, deploy, checked), fingerprint(said, deploy.code));
    },
  );

  routes.add(
    {
      method: "get",
      path: "/workers/{worker}/versions",
      tag,
      summary: "List a worker's versions, the newest first",
      params: workerParams,
      query: pageQuery,
      result: pageOf(versionSchema),
    },
    ({ params, query, together }) =>
      together(async (scope) => {
        const worker = await readable(scope, params.worker);
        const before = keyOf(z.int(), query.cursor);
        const rows = await versionsBefore(scope.queries, { worker, before, limit: query.limit });
        return page(rows, query, ({ number }) => number);
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/workers/{worker}/versions/{version}",
      tag,
      summary: "Get a version",
      params: versionParams,
      result: versionSchema,
      tagged: true,
    },
    ({ params, together }) =>
      together(async (scope) =>
        shownVersion(scope.queries, await readable(scope, params.worker), params.version),
      ),
  );

  routes.add(
    {
      method: "get",
      path: "/workers/{worker}/versions/{version}/source",
      tag,
      summary: "List what a version is made of",
      params: versionParams,
      result: sourceSchema,
    },
    ({ params, together }) =>
      together(async (scope) =>
        sourceOf(scope.queries, (await versionIn(scope, params.worker, params.version)).id),
      ),
  );

  routes.add(
    {
      method: "get",
      path: "/workers/{worker}/versions/{version}/module",
      tag,
      summary: "Get a module's content",
      params: versionParams,
      query: moduleQuery,
      answers: "application/octet-stream",
    },
    ({ params, query, together }) =>
      together(async (scope) => {
        const version = await versionIn(scope, params.worker, params.version);
        return file(await moduleContent(scope.queries, version.id, query.name));
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/workers/{worker}/versions/{version}/source-map",
      tag,
      summary: "Get a module's source map",
      description: "Workers deployed by `ow` or from the dashboard have their sources in it.",
      params: versionParams,
      query: moduleQuery,
      answers: "application/octet-stream",
    },
    ({ params, query, together }) =>
      together(async (scope) => {
        const version = await versionIn(scope, params.worker, params.version);
        return file(await sourceMapContent(scope.queries, version.id, query.name));
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/workers/{worker}/versions/{version}/diff",
      tag,
      summary: "Compare a version with another one of the same worker",
      params: versionParams,
      query: z.object({
        from: z.coerce
          .number()
          .int()
          .min(1)
          .optional()
          .openapi({ description: "The version before it, unless given." }),
      }),
      result: diffSchema,
    },
    ({ params, query, together }) =>
      together(async (scope) => {
        const to = await versionIn(scope, params.worker, params.version);
        const from = await versionIn(scope, params.worker, query.from ?? Math.max(params.version - 1, 1));
        return diffOf(scope.queries, from, to);
      }),
  );
}

async function readable(scope: Scope, worker: string): Promise<WorkerId> {
  return (await find<WorkerId>(scope, "worker", { nameOrId: worker, action: "read" })).id;
}

async function versionIn(scope: Scope, worker: string, number: number) {
  const { id } = await shownVersion(scope.queries, await readable(scope, worker), number);
  return { id: id as VersionId, number };
}

/** Never anything that a browser would show or run: it is a user's, on the API's own origin. */
function file(content: Uint8Array): Response {
  return new Response(new Uint8Array(content), {
    headers: {
      ...noStore,
      "content-type": "application/octet-stream",
      "content-disposition": "attachment",
    },
  });
}

/** What tells an upload from another: a form's own boundary is new each time. */
function fingerprint(metadata: unknown, code: WorkerCode): string {
  const hash = createHash("sha256").update(JSON.stringify(metadata));
  for (const { content } of code.modules) hash.update(createHash("sha256").update(content).digest());
  for (const [name, content] of code.sourceMaps)
    hash.update(name).update(createHash("sha256").update(content).digest());
  return hash.digest("hex");
}
