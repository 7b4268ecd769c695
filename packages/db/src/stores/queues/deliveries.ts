import type { QueueId, WorkerId } from "@openworkers/core";
import { sql } from "kysely";
import type { StoreDatabase } from "../../database.ts";

/** A queue whose messages are to be delivered, and to whom. */
export interface QueueDelivery {
  readonly queueId: QueueId;
  /** The queue's name. */
  readonly queue: string;
  readonly workerId: WorkerId;
  readonly maxBatchSize: number;
  /** Seconds. */
  readonly maxBatchTimeout: number;
  readonly maxRetries: number;
  /** Seconds. */
  readonly retryDelay: number;
  readonly maxConcurrency: number | null;
  readonly deadLetterQueueId: QueueId | null;
}

/**
 * What runners deliver: all queues that are not paused and have a consumer with a live version, or those of `queueIds`.
 */
export async function loadQueueDeliveries(
  database: StoreDatabase,
  queueIds?: readonly QueueId[],
): Promise<QueueDelivery[]> {
  return database.read((queries) =>
    queries
      .selectFrom("queue_consumers as consumer")
      .innerJoin("queues", "queues.id", "consumer.queue_id")
      .select([
        "queue_id as queueId",
        "queues.name as queue",
        "worker_id as workerId",
        "max_batch_size as maxBatchSize",
        "max_batch_timeout as maxBatchTimeout",
        "max_retries as maxRetries",
        "retry_delay as retryDelay",
        "max_concurrency as maxConcurrency",
        "dead_letter_queue_id as deadLetterQueueId",
      ])
      .where("queues.paused", "=", false)
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom("deployments")
            .select("deployments.id")
            .whereRef("deployments.worker_id", "=", "consumer.worker_id"),
        ),
      )
      .where(queueIds === undefined ? sql<boolean>`true` : sql<boolean>`queue_id = any(${queueIds}::uuid[])`)
      .execute(),
  );
}
