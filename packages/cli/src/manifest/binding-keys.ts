import { bindingNamePattern, queueConsumerSchema, queueLimits, rateLimitSchema } from "@openworkers/core";
import { z } from "zod";

const name = z
  .string()
  .regex(
    bindingNamePattern,
    "a binding's name is up to 128 letters, digits, _ and $, not starting with a digit",
  );

const consumer = queueConsumerSchema.shape;

/** A rate limit as wrangler writes it. */
export const rateLimitEntry = z.looseObject({
  name,
  namespace_id: rateLimitSchema.shape.namespace,
  simple: z.object({ limit: rateLimitSchema.shape.limit, period: rateLimitSchema.shape.periodSeconds }),
});

/** The keys of a wrangler file that put bindings on `env`. An entry's other keys are kept, for the warnings about them. */
export const bindingKeys = {
  kv_namespaces: z.array(z.looseObject({ binding: name, id: z.string().min(1).optional() })).optional(),
  r2_buckets: z.array(z.looseObject({ binding: name, bucket_name: z.string().min(1).optional() })).optional(),
  d1_databases: z
    .array(
      z.looseObject({
        binding: name,
        database_name: z.string().min(1).optional(),
        database_id: z.string().min(1).optional(),
        migrations_dir: z.string().min(1).optional(),
        migrations_table: z
          .string()
          .regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, "a table's name is up to 63 letters, digits and _")
          .optional(),
      }),
    )
    .optional(),
  hyperdrive: z.array(z.looseObject({ binding: name, id: z.string().min(1).optional() })).optional(),
  services: z
    .array(
      z.looseObject({
        binding: name,
        service: z.string().min(1),
        entrypoint: z.string().min(1).max(128).optional(),
        props: z.record(z.string(), z.json()).optional(),
      }),
    )
    .optional(),
  queues: z
    .looseObject({
      producers: z
        .array(
          z.looseObject({
            binding: name,
            queue: z.string().min(1).optional(),
            delivery_delay: z.int().min(0).max(queueLimits.delaySeconds).optional(),
          }),
        )
        .optional(),
      consumers: z
        .array(
          z.looseObject({
            queue: z.string().min(1),
            max_batch_size: consumer.maxBatchSize.unwrap().optional(),
            max_batch_timeout: consumer.maxBatchTimeout.unwrap().optional(),
            max_retries: consumer.maxRetries.unwrap().optional(),
            retry_delay: consumer.retryDelay.unwrap().optional(),
            // wrangler's word for: as many as are good.
            max_concurrency: consumer.maxConcurrency.nullable(),
            dead_letter_queue: consumer.deadLetterQueue,
          }),
        )
        .optional(),
    })
    .optional(),
  ratelimits: z.array(rateLimitEntry).optional(),
  version_metadata: z.looseObject({ binding: name }).optional(),
  /** Where rate limits were before they had a key of their own. */
  unsafe: z
    .looseObject({
      bindings: z
        .array(
          z.looseObject({ name, type: z.string() }).superRefine((entry, context) => {
            if (entry.type !== "ratelimit") return;
            for (const { path, message } of rateLimitEntry.safeParse(entry).error?.issues ?? []) {
              context.addIssue({ code: "custom", path, message });
            }
          }),
        )
        .optional(),
    })
    .optional(),
};
