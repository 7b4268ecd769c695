import type { BucketId, DatabaseId, KvNamespaceId, QueueId, WorkerId } from "@openworkers/core";
import { sql } from "kysely";
import type { Queries } from "../database.ts";

/** A worker that would miss a resource. */
export interface ResourceUser {
  readonly worker: string;
  /** Its name on the worker's `env`. */
  readonly binding: string;
}

const columns = {
  kv: "kv_namespace_id",
  storage: "bucket_id",
  database: "database_id",
  queue: "queue_id",
  worker: "target_worker_id",
} as const;

/**
 * Who binds a resource: the workers one of whose live versions does, or whose environment does. An environment that no worker
 * uses counts by its own name.
 */
export async function resourceUsers(
  queries: Queries,
  kind: keyof typeof columns,
  id: KvNamespaceId | BucketId | DatabaseId | QueueId | WorkerId,
): Promise<ResourceUser[]> {
  const column = sql.ref(columns[kind]);
  const { rows } = await sql<ResourceUser>`
    select workers.name as worker, version_bindings.name as binding
    from version_bindings
    join deployment_versions using (version_id)
    join workers on workers.id = version_bindings.worker_id
    where ${column} = ${id}
      and deployment_versions.deployment_id = (
        select id from deployments where worker_id = workers.id order by sequence desc limit 1
      )
    union
    select coalesce(workers.name, 'environment ' || environments.name), environment_values.name
    from environment_values
    join environments on environments.id = environment_values.environment_id
    left join workers on workers.environment_id = environments.id
    where ${column} = ${id}
    union
    select workers.name, case queue_id when ${id} then 'its consumer' else 'its dead-letter queue' end
    from queue_consumers
    join workers on workers.id = worker_id
    where ${id} in (queue_id, dead_letter_queue_id)
    order by 1, 2`.execute(queries);
  return rows;
}
