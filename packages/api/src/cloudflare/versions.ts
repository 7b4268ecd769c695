import { isId, OpenWorkersError, type VersionId } from "@openworkers/core";
import { createDeployment, listDeployments } from "@openworkers/db/stores";
import { z } from "zod";
import type { Scope } from "../http/call.ts";
import { checkDeploy, runUpload } from "../routes/versions/deploy.ts";
import { shownVersion, sourceOf, versionsBefore } from "../routes/versions/queries.ts";
import { versionBindings } from "./bindings.ts";
import { success } from "./envelope.ts";
import { type Ask, bodyOf, type CloudflareFace, workerOf } from "./face.ts";
import { readUpload } from "./upload.ts";

const script = "/accounts/:account/workers/scripts/:script";

/** As many versions as Cloudflare counts as deployable. */
const listed = 100;

/** A worker's versions and deployments. */
export function versionRoutes(face: CloudflareFace): void {
  face.on("post", `${script}/versions`, async (ask) => {
    // A new worker is made by a deploy.
    await ask.call.together((scope) => workerOf(scope, ask, "write"));
    const deploy = await readUpload(ask);
    const checked = await checkDeploy(deploy, ask.call);
    const shown = await ask.call.together(async (scope) => {
      const { versionId } = await runUpload(scope, deploy, checked);
      return shownVersionOf(scope, ask, versionId);
    });
    return success({ ...shown, startup_time_ms: checked.startMs });
  });

  face.on("get", `${script}/versions`, async (ask) =>
    ask.call.together(async (scope) => {
      const { id: worker } = await workerOf(scope, ask, "read");
      const rows = await versionsBefore(scope.queries, { worker, before: undefined, limit: listed });
      return success({ items: rows.slice(0, listed).map(described) });
    }),
  );

  face.on("get", `${script}/versions/:version`, async (ask) =>
    ask.call.together(async (scope) => success(await shownVersionOf(scope, ask, ask.param("version")))),
  );

  face.on("get", `${script}/deployments`, async (ask) =>
    ask.call.together(async (scope) => {
      const { name } = await workerOf(scope, ask, "read");
      return success({ deployments: (await listDeployments(scope.database, name)).map(shownDeployment) });
    }),
  );

  face.on("post", `${script}/deployments`, async (ask) => {
    const wanted = await bodyOf(ask, deploymentSchema);
    return ask.call.together(async (scope) => {
      const { name } = await workerOf(scope, ask, "write");
      const versions = new Map<number, number>();
      for (const { version_id, percentage } of wanted.versions) {
        const { number } = await versionOf(scope, ask, version_id);
        if (versions.has(number)) {
          throw new OpenWorkersError("INVALID_INPUT", "versions: one of them is named twice.");
        }
        versions.set(number, percentage);
      }
      const message = wanted.annotations?.["workers/message"];
      const id = await createDeployment(scope.database, {
        worker: name,
        versions,
        by: scope.caller,
        ...(message === undefined ? {} : { message }),
      });
      const made = (await listDeployments(scope.database, name)).find((deployment) => deployment.id === id);
      if (made === undefined) throw new Error(`deployment ${id} is gone in its own transaction`);
      return success(shownDeployment(made));
    });
  });
}

const deploymentSchema = z.object({
  strategy: z.literal("percentage").optional(),
  versions: z
    .array(z.object({ version_id: z.string(), percentage: z.number() }))
    .min(1)
    .max(100),
  annotations: z.object({ "workers/message": z.string().max(1_000).optional() }).optional(),
});

async function versionOf(scope: Scope, ask: Ask, version: string) {
  const { id: worker, name } = await workerOf(scope, ask, "read");
  const row = isId<"version">(version)
    ? await scope.queries
        .selectFrom("worker_versions")
        .select(["number"])
        .where("worker_id", "=", worker)
        .where("id", "=", version)
        .executeTakeFirst()
    : undefined;
  if (row === undefined) throw new OpenWorkersError("NOT_FOUND", `${name} has no version ${version}.`);
  return shownVersion(scope.queries, worker, row.number);
}

/** A version of the path's worker, by its id. @throws OpenWorkersError NOT_FOUND */
export async function shownVersionOf(scope: Scope, ask: Ask, version: string) {
  const shown = await versionOf(scope, ask, version);
  const id = shown.id as VersionId;
  const { modules } = await sourceOf(scope.queries, id);
  return {
    ...described(shown),
    resources: {
      script: { etag: modules[0]?.hash ?? "" },
      script_runtime: {
        compatibility_date: shown.compatibilityDate,
        compatibility_flags: shown.compatibilityFlags,
        ...(shown.limits.cpuMs === undefined ? {} : { limits: { cpu_ms: shown.limits.cpuMs } }),
      },
      bindings: await versionBindings(scope, id, shown.vars),
    },
  };
}

/** Names stand where Cloudflare has addresses: whoever may read a worker is not told its authors' addresses. */
function described({ id, number, message, createdAt, createdBy }: Awaited<ReturnType<typeof shownVersion>>) {
  const created_on = new Date(createdAt).toISOString();
  return {
    id,
    number,
    metadata: {
      created_on,
      modified_on: created_on,
      author_id: createdBy,
      author_email: createdBy,
      source: "api",
      has_preview: true,
    },
    annotations: { ...(message === null ? {} : { "workers/message": message }) },
  };
}

function shownDeployment({
  id,
  createdAt,
  createdBy,
  message,
  versions,
}: Awaited<ReturnType<typeof listDeployments>>[number]) {
  return {
    id,
    source: "api",
    strategy: "percentage",
    author_email: createdBy,
    created_on: createdAt.toISOString(),
    annotations: { ...(message === null ? {} : { "workers/message": message }) },
    versions: versions.map(({ versionId, percent }) => ({ version_id: versionId, percentage: percent })),
  };
}
