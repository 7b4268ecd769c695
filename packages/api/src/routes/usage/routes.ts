import { z } from "@hono/zod-openapi";
import {
  databaseLimitsSchema,
  defaultDatabaseLimits,
  defaultLimits,
  defaultMaxima,
  kvLimits,
  limitsSchema,
  maxAssetBytes,
  maxAssets,
  maxCronsPerWorker,
  maxScriptBytes,
  queueLimits,
} from "@openworkers/core";
import { sql } from "kysely";
import { accountFor } from "../../access/account.ts";
import type { Routes } from "../../http/route.ts";
import { accountQuery, time } from "../../http/schemas.ts";

const tag = "Usage and limits";
const days = 30;

const usageSchema = z
  .object({
    since: time.openapi({ description: `What is counted over time is of the last ${days} days.` }),
    workers: z.int(),
    kvNamespaces: z.int(),
    buckets: z.int(),
    objects: z
      .object({ count: z.int(), bytes: z.number() })
      .openapi({ description: "On the platform's own store." }),
    databases: z.object({ count: z.int(), bytes: z.number() }),
    queues: z.int(),
    crons: z.int(),
    requests: z.number(),
    errors: z.number(),
    cpuMs: z.number(),
  })
  .openapi("Usage");

const limits = {
  worker: defaultLimits,
  workerAtMost: defaultMaxima,
  database: defaultDatabaseLimits,
  scriptBytes: maxScriptBytes,
  assets: { files: maxAssets, fileBytes: maxAssetBytes },
  cronsPerWorker: maxCronsPerWorker,
  kv: { keyBytes: kvLimits.keyBytes, valueBytes: kvLimits.valueBytes, metadataBytes: kvLimits.metadataBytes },
  queues: { messageBytes: queueLimits.messageBytes, delaySeconds: queueLimits.delaySeconds },
};

const limitsShown = z
  .object({
    /** What a worker has unless it asks for something else. */
    worker: limitsSchema,
    /** What a worker may ask for. */
    workerAtMost: limitsSchema,
    database: databaseLimitsSchema,
    scriptBytes: z.int(),
    assets: z.object({ files: z.int(), fileBytes: z.int() }),
    cronsPerWorker: z.int(),
    kv: z.object({ keyBytes: z.int(), valueBytes: z.int(), metadataBytes: z.int() }),
    queues: z.object({ messageBytes: z.int(), delaySeconds: z.int() }),
  })
  .openapi("Limits");

export function usageRoutes(routes: Routes): void {
  routes.add(
    {
      method: "get",
      path: "/usage",
      tag,
      summary: "Get what an account has, and what its workers did",
      query: accountQuery,
      result: usageSchema,
    },
    ({ query, together }) =>
      together(async (scope) => {
        const { id } = await accountFor(scope, query.account, { resource: "workers", action: "read" });
        const since = new Date(Date.now() - days * 86_400_000);
        const { rows } = await sql<Flat>`
          with own as (select id from workers where owner_id = ${id}),
            stats as (
              select coalesce(sum(requests), 0)::float8 as requests, coalesce(sum(errors), 0)::float8 as errors,
                coalesce(sum(cpu_ms), 0) as cpu_ms
              from worker_stats where worker_id in (select id from own) and minute >= ${since}
            ),
            stored as (
              select count(*)::int as objects, coalesce(sum(size), 0)::float8 as bytes
              from storage_objects where bucket_id in (select id from storage_buckets where owner_id = ${id})
            )
          select (select count(*)::int from own) as workers,
            (select count(*)::int from kv_namespaces where owner_id = ${id}) as "kvNamespaces",
            (select count(*)::int from storage_buckets where owner_id = ${id}) as buckets,
            (select count(*)::int from databases where owner_id = ${id} and state <> 'deleting') as databases,
            (select coalesce(sum(size_bytes), 0)::float8 from databases where owner_id = ${id}) as "databaseBytes",
            (select count(*)::int from queues where owner_id = ${id}) as queues,
            (select count(*)::int from crons where worker_id in (select id from own)) as crons,
            stored.objects, stored.bytes as "objectBytes", stats.requests, stats.errors, stats.cpu_ms as "cpuMs"
          from stats, stored`.execute(scope.queries);
        const [row] = rows;
        if (row === undefined) throw new Error("counting gave no row");
        const { databases, databaseBytes, objects, objectBytes, ...rest } = row;
        return {
          ...rest,
          since,
          databases: { count: databases, bytes: databaseBytes },
          objects: { count: objects, bytes: objectBytes },
        };
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/limits",
      tag,
      summary: "Get the platform's limits",
      result: limitsShown,
      tagged: true,
    },
    // For those who have signed in, as all else.
    ({ together }) => together(async () => limits),
  );
}

type Flat = Readonly<
  Record<
    | "workers"
    | "kvNamespaces"
    | "buckets"
    | "databases"
    | "databaseBytes"
    | "queues"
    | "crons"
    | "objects"
    | "objectBytes"
    | "requests"
    | "errors"
    | "cpuMs",
    number
  >
>;
