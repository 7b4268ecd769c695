import { z } from "@hono/zod-openapi";
import {
  assetFileSchema,
  assetSettingsSchema,
  bindingKinds,
  codeMetadataSchema,
  envValueSchema,
  limitsSchema,
  maxAssets,
  moduleTypes,
  rateLimitSchema,
} from "@openworkers/core";
import { id, nameOrId, text, time } from "../../http/schemas.ts";
import { workerParams } from "../workers/schema.ts";
import { wantedBindingSchema, wantedConsumerSchema } from "./wanted.ts";

export const versionParams = workerParams.extend({
  version: z.coerce
    .number()
    .int()
    .min(1)
    .max(2 ** 31 - 1),
});

const host = z.string().min(1).max(1_024);

/** The part `metadata` of the form in which a version is sent. */
export const uploadSchema = codeMetadataSchema
  .extend({
    account: nameOrId.optional(),
    base: z.int().min(1).optional().openapi({
      description:
        "The version that this one was made from, which must serve requests still (else CONFLICT). Its vars, bindings, limits, egress and static files are the new one's too, but for what is sent.",
    }),
    vars: z.record(z.string().max(128), envValueSchema).default({}),
    bindings: z.record(z.string().max(128), wantedBindingSchema).default({}),
    consumers: z.array(wantedConsumerSchema).max(100).optional(),
    egress: z.strictObject({ allow: z.array(host).max(1_000).optional() }).optional(),
    limits: limitsSchema.partial().default({}),
    assets: z
      .strictObject({ settings: assetSettingsSchema, files: z.array(assetFileSchema).max(maxAssets) })
      .optional(),
    message: text(1_000).optional(),
    percent: z.int().min(1).max(100).default(100),
    routes: z.array(host).max(1_000).optional(),
    domains: z.array(host).max(100).default([]),
    crons: z.array(z.string().max(256)).max(100).optional(),
    environment: z.string().min(1).max(100).optional(),
    environmentVars: z.record(z.string().max(128), z.string()).default({}),
    environmentSecrets: z.record(z.string().max(128), z.string()).default({}),
  })
  .strict()
  .openapi("Upload");
export type Upload = z.output<typeof uploadSchema>;

export const boundSchema = z
  .object({
    name: z.string(),
    kind: z.enum(bindingKinds),
    resource: z.string().optional(),
    id: id.optional(),
    entrypoint: z.string().optional(),
    settings: rateLimitSchema.optional(),
    created: z.boolean().optional(),
  })
  .openapi("BoundName");

export const deployedSchema = z
  .object({
    worker: z.string(),
    workerId: id,
    version: z.int(),
    versionId: id,
    deploymentId: id,
    bindings: z.array(boundSchema),
    startMs: z.number(),
  })
  .openapi("Deployed");

export const versionSchema = z
  .object({
    id,
    number: z.int(),
    message: z.string().nullable(),
    createdBy: z.string(),
    createdAt: time,
    compatibilityDate: z.string(),
    compatibilityFlags: z.array(z.string()),
    vars: z.record(z.string(), envValueSchema),
    limits: limitsSchema.partial(),
    bytes: z.int().openapi({ description: "Of its modules, without source maps." }),
    percent: z.int().openapi({ description: "Its share of the requests now; 0 when it is not live." }),
  })
  .openapi("Version");

export const moduleSchema = z.object({
  name: z.string(),
  type: z.enum(moduleTypes),
  hash: z.string(),
  bytes: z.int(),
});

export const sourceSchema = z
  .object({
    modules: z.array(moduleSchema).openapi({ description: "The first is the main one." }),
    sourceMaps: z.array(z.string()).openapi({ description: "Names of the modules that have one." }),
    assets: z.int().openapi({ description: "Number of its static files." }),
  })
  .openapi("Source");

const changeOf = <Of extends z.ZodType>(of: Of) => z.object({ before: of.nullable(), after: of.nullable() });

export const diffSchema = z
  .object({
    from: z.int(),
    to: z.int(),
    modules: z.array(
      z.object({ name: z.string(), ...changeOf(z.object({ hash: z.string(), bytes: z.int() })).shape }),
    ),
    assets: z.array(
      z.object({ path: z.string(), ...changeOf(z.object({ hash: z.string(), bytes: z.int() })).shape }),
    ),
    vars: z.array(z.object({ name: z.string(), ...changeOf(envValueSchema).shape })),
    bindings: z.array(z.object({ name: z.string(), ...changeOf(boundSchema).shape })),
    settings: z.array(z.object({ name: z.string(), before: z.unknown(), after: z.unknown() })),
  })
  .openapi("VersionDiff");
