import { OpenWorkersError, type WorkerId } from "@openworkers/core";
import { listCrons, setManifestCrons, setRoutes } from "@openworkers/db/stores";
import { z } from "zod";
import type { Scope } from "../http/call.ts";
import { checkDeploy, runDeploy } from "../routes/versions/deploy.ts";
import { deleteWithEnvironment } from "../routes/workers/environment.ts";
import { shownWorker } from "../routes/workers/queries.ts";
import { shownBindings } from "./bindings.ts";
import { notHere, success } from "./envelope.ts";
import { type Ask, allOf, bodyOf, type CloudflareFace, ofAccount, workerOf } from "./face.ts";
import { readUpload } from "./upload.ts";
import { shownVersionOf } from "./versions.ts";

const script = "/accounts/:account/workers/scripts/:script";

/** What is so of every worker here, whatever a client asks. */
const nonVersioned = { logpush: false, tail_consumers: [], observability: { enabled: true }, tags: [] };
const logsAreKept = "The logs of every worker are kept here: observability is always on.";
const maxCrons = 100;

/** Workers, and what belongs to them rather than to a version. */
export function scriptRoutes(face: CloudflareFace): void {
  face.on("get", "/accounts/:account/workers/services/:script", async (ask) =>
    ask.call.together(async (scope) => {
      const worker = await shownOf(scope, ask);
      const dates = { created_on: worker.createdAt, modified_on: worker.deployedAt ?? worker.createdAt };
      const described = { id: worker.name, tag: worker.id, tags: [], ...dates };
      return success({
        id: worker.name,
        ...dates,
        default_environment: { environment: "production", ...dates, script: described },
        environments: [{ environment: "production", ...dates }],
      });
    }),
  );

  face.on("get", "/accounts/:account/workers/scripts", async (ask) => {
    const workers = await allOf(ask, listedSchema, `/v1/workers${ofAccount(ask)}`);
    return success(
      workers.map(({ id, name, createdAt, deployedAt }) => ({
        id: name,
        tag: id,
        tags: [],
        created_on: createdAt,
        modified_on: deployedAt ?? createdAt,
      })),
    );
  });

  face.on("put", script, async (ask) => {
    const deploy = await readUpload(ask);
    const checked = await checkDeploy(deploy, ask.call);
    const shown = await ask.call.together(async (scope) => {
      const { versionId } = await runDeploy(scope, deploy, checked);
      return shownVersionOf(scope, ask, versionId);
    });
    return success({
      id: ask.param("script"),
      etag: shown.resources.script.etag,
      startup_time_ms: checked.startMs,
      deployment_id: shown.id,
      created_on: shown.metadata.created_on,
      modified_on: shown.metadata.created_on,
      handlers: checked.handlers,
    });
  });

  // `?force=true` is not regarded: a worker that others are bound to stays.
  for (const path of [script, "/accounts/:account/workers/services/:script"]) {
    face.on("delete", path, async (ask) =>
      ask.call.together(async (scope) => {
        await deleteWithEnvironment(scope, await workerOf(scope, ask, "delete"));
        return success({ id: ask.param("script") });
      }),
    );
  }

  // What nothing here can be: tail workers, and Durable Objects of others.
  face.on("get", `${script}/references`, async (ask) => {
    await ask.call.together((scope) => workerOf(scope, ask, "read"));
    return success({ services: { incoming: [], outgoing: [] }, durable_objects: [] });
  });
  face.on("get", "/accounts/:account/workers/durable_objects/namespaces", async ({ v1 }) => {
    await v1.ask("/v1/account");
    return success([]);
  });
  face.on("get", "/accounts/:account/workers/tails/by-consumer/:script", async (ask) => {
    await ask.call.together((scope) => workerOf(scope, ask, "read"));
    return success([]);
  });

  face.on("get", `${script}/settings`, async (ask) =>
    ask.call.together(async (scope) =>
      success({ ...nonVersioned, bindings: await shownBindings(scope, ask) }),
    ),
  );

  face.on("get", `${script}/script-settings`, async (ask) => {
    await ask.call.together((scope) => workerOf(scope, ask, "read"));
    return success(nonVersioned);
  });

  face.on("patch", `${script}/script-settings`, async (ask) => {
    const wanted = await bodyOf(ask, settingsSchema);
    await ask.call.together((scope) => workerOf(scope, ask, "write"));
    if (wanted.logpush === true) notHere("Logpush");
    if ((wanted.tail_consumers ?? []).length > 0) notHere("Tail workers");
    if ((wanted.tags ?? []).length > 0) notHere("Tags of workers");
    return success(nonVersioned, { messages: wanted.observability == null ? [] : [logsAreKept] });
  });

  subdomainRoutes(face);
  triggerRoutes(face);
}

const listedSchema = z.object({
  id: z.string(),
  name: z.string(),
  createdAt: z.string(),
  deployedAt: z.string().nullable(),
});

const settingsSchema = z.object({
  logpush: z.boolean().nullish(),
  tail_consumers: z.array(z.unknown()).nullish(),
  tags: z.array(z.unknown()).nullish(),
  observability: z.unknown().optional(),
});

/** Every worker has its host name, and every version its preview: neither can be turned off. */
const always = { enabled: true, previews_enabled: true };

function subdomainRoutes(face: CloudflareFace): void {
  // What newer wranglers (seen with 4.164) ask in place of `subdomain`: here the address itself is told.
  face.on("get", "/accounts/:account/workers/workers/:script", async (ask) =>
    ask.call.together(async (scope) => {
      const { id, name, url, createdAt, deployedAt } = await shownOf(scope, ask);
      const dates = { created_on: createdAt, updated_on: deployedAt ?? createdAt };
      return success({ id, name, ...dates, ...nonVersioned, subdomain: { ...always, url } });
    }),
  );
  face.on("get", "/accounts/:account/workers/subdomain", async ({ v1, call }) => {
    await v1.ask("/v1/account");
    // Clients put `https://<worker>.` before this and `.workers.dev` behind it; so the link that they print leads there.
    return success({ subdomain: `${new URL(call.env.BASE_URL).host.replace(/^api\./, "")}/#` });
  });
  face.on("get", `${script}/subdomain`, async (ask) => {
    await ask.call.together((scope) => workerOf(scope, ask, "read"));
    return success(always);
  });
  face.on("post", `${script}/subdomain`, async (ask) => {
    const wanted = await bodyOf(
      ask,
      z.object({ enabled: z.boolean(), previews_enabled: z.boolean().optional() }),
    );
    await ask.call.together((scope) => workerOf(scope, ask, "write"));
    if (!wanted.enabled || wanted.previews_enabled === false) {
      throw new OpenWorkersError(
        "INVALID_INPUT",
        "Every worker has its host name here, and every version its preview.",
        { hint: "Set workers_dev = true and preview_urls = true." },
      );
    }
    return success(always);
  });
}

function triggerRoutes(face: CloudflareFace): void {
  face.on("get", `${script}/schedules`, async (ask) =>
    ask.call.together(async (scope) => success(await schedulesOf(scope, ask, "read"))),
  );

  face.on("put", `${script}/schedules`, async (ask) => {
    const wanted = await bodyOf(ask, z.array(z.object({ cron: z.string().max(256) })).max(maxCrons));
    return ask.call.together(async (scope) => {
      const { name: worker } = await workerOf(scope, ask, "write", "crons");
      const expressions = wanted.map(({ cron }) => cron);
      await setManifestCrons(scope.database, { worker, expressions, by: scope.caller });
      return success(await schedulesOf(scope, ask, "read"));
    });
  });

  face.on("put", `${script}/routes`, async (ask) => {
    const wanted = await bodyOf(ask, z.array(z.object({ pattern: z.string().max(1_024) })).max(1_000));
    return ask.call.together(async (scope) => {
      const { name: worker } = await workerOf(scope, ask, "write");
      const patterns = wanted.map(({ pattern }) => pattern);
      await setRoutes(scope.database, { worker, patterns, by: scope.caller });
      return success(patterns.map((pattern) => ({ pattern, script: worker })));
    });
  });
}

async function schedulesOf(scope: Scope, ask: Ask, action: "read") {
  const { name } = await workerOf(scope, ask, action, "crons");
  const crons = await listCrons(scope.database, name);
  const schedules = crons.map(({ expression, createdAt }) => ({ cron: expression, created_on: createdAt }));
  return { schedules };
}

async function shownOf(scope: Scope, ask: Ask) {
  const { id } = await workerOf(scope, ask, "read");
  return shownWorker(scope.queries, id satisfies WorkerId, ask.call.env);
}
