import type { BindingKind, RateLimit } from "@openworkers/core";
import { sql } from "kysely";
import type { StoreDatabase } from "../database.ts";
import { workerNamed } from "./workers.ts";

/** What a name on a worker's `env` is bound to, as it may be shown. */
export interface ListedBinding {
  readonly name: string;
  readonly kind: BindingKind;
  /** Name of the namespace, bucket, database, queue or worker. */
  readonly resource: string | null;
  /** Id of the namespace, bucket, database or queue. */
  readonly id: string | null;
  readonly entrypoint: string | null;
  readonly settings: RateLimit | null;
  /** Whether the worker's environment holds it; else its version does, as the manifest said. */
  readonly source: "environment" | "version";
}

/**
 * What a worker is bound to now, by name: what its environment holds goes before what the live version with the largest share does.
 *
 * @throws OpenWorkersError NOT_FOUND
 */
export async function listBindings(database: StoreDatabase, worker: string): Promise<ListedBinding[]> {
  return database.snapshot(async (queries) => {
    const id = await workerNamed(queries, worker);
    const { rows } = await sql<ListedBinding>`
      with live as (
        select version_id from deployment_versions
        where deployment_id = (
          select id from deployments where worker_id = ${id} order by sequence desc limit 1
        )
        order by percent desc, version_id desc limit 1
      ), bound as (
        select name, kind, kv_namespace_id, bucket_id, database_id, queue_id, target_worker_id, entrypoint, null::jsonb as settings,
          'environment' as source
        from environment_values
        where environment_id = (select environment_id from workers where id = ${id})
          and kind not in ('var', 'secret')
        union all
        select name, kind, kv_namespace_id, bucket_id, database_id, queue_id, target_worker_id, entrypoint, settings, 'version'
        from version_bindings where version_id = (select version_id from live)
      )
      select distinct on (bound.name) bound.name, bound.kind,
        coalesce(kv_namespaces.name, storage_buckets.name, databases.name, queues.name, workers.name) as resource,
        coalesce(kv_namespaces.id, storage_buckets.id, databases.id, queues.id) as id,
        entrypoint, settings, source
      from bound
      left join kv_namespaces on kv_namespaces.id = kv_namespace_id
      left join storage_buckets on storage_buckets.id = bucket_id
      left join databases on databases.id = database_id
      left join queues on queues.id = bound.queue_id
      left join workers on workers.id = target_worker_id
      order by bound.name, source`.execute(queries);
    return rows;
  });
}
