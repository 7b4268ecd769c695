import { z } from "@hono/zod-openapi";
import {
  queueConsumerSchema,
  rateLimitSchema,
  type WantedBinding,
  type WantedConsumer,
} from "@openworkers/core";
import type { EnvironmentBinding } from "@openworkers/db/stores";

const resource = z.string().min(1).max(128);
const entrypoint = z.string().min(1).max(128);
const props = z
  .record(z.string(), z.unknown())
  .openapi({ description: "What `ctx.props` of the worker that is called holds." });

const toKv = z.strictObject({ kind: z.literal("kv"), namespace: resource.optional() });
const toStorage = z.strictObject({ kind: z.literal("storage"), bucket: resource.optional() });
const toDatabase = z.strictObject({ kind: z.literal("database"), database: resource.optional() });
const toHyperdrive = z.strictObject({ kind: z.literal("hyperdrive"), database: resource.optional() });
const toQueue = z.strictObject({
  kind: z.literal("queue"),
  queue: resource.optional(),
  deliveryDelay: z.int().min(0).max(86_400).optional(),
});
const toWorker = z.strictObject({
  kind: z.literal("worker"),
  worker: resource,
  entrypoint: entrypoint.optional(),
  props: props.optional(),
});

/** A binding that a version wants: to the resource of that name or id, or to one that is made for it where none is named. */
export const wantedBindingSchema = z
  .discriminatedUnion("kind", [
    toKv,
    toStorage,
    toDatabase,
    toHyperdrive,
    toQueue,
    toWorker,
    z.strictObject({ kind: z.literal("assets") }),
    z.strictObject({ kind: z.literal("version-metadata") }),
    z.strictObject({ kind: z.literal("rate-limit"), settings: rateLimitSchema }),
  ])
  .openapi("WantedBinding");

/** A binding that an environment may hold: to something that is there. */
export const environmentBindingSchema = z
  .discriminatedUnion("kind", [
    toKv.required(),
    toStorage.required(),
    toDatabase.required(),
    toHyperdrive.required(),
    toQueue.required({ queue: true }),
    toWorker,
  ])
  .openapi("EnvironmentBinding");

export const wantedConsumerSchema = z
  .strictObject({ queue: resource, settings: queueConsumerSchema })
  .openapi("WantedConsumer");

/** Without the keys that are there and undefined. */
export function toWanted(binding: z.output<typeof wantedBindingSchema>): WantedBinding {
  return binding.kind === "worker" ? workerBinding(binding) : binding;
}

export function toEnvironmentBinding(binding: z.output<typeof environmentBindingSchema>): EnvironmentBinding {
  return binding.kind === "worker" ? workerBinding(binding) : binding;
}

export function toConsumer(consumer: z.output<typeof wantedConsumerSchema>): WantedConsumer {
  return consumer;
}

function workerBinding(binding: z.output<typeof toWorker>) {
  const { props: given, ...rest } = binding;
  return { ...rest, ...(given === undefined ? {} : { props: JSON.stringify(given) }) };
}
