import { z } from "zod";

const name = z.string().min(1).max(128);

/** A binding of a version, of the types that this platform has. */
export const bindingSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("plain_text"), name, text: z.string() }),
  z.object({ type: z.literal("json"), name, json: z.unknown() }),
  z.object({ type: z.literal("secret_text"), name, text: z.string().optional() }),
  z.object({ type: z.literal("kv_namespace"), name, namespace_id: z.string().min(1) }),
  z.object({
    type: z.literal("r2_bucket"),
    name,
    bucket_name: z.string().min(1),
    jurisdiction: z.undefined("this platform has no jurisdictions").optional(),
  }),
  z.object({ type: z.literal("d1"), name, id: z.string().min(1) }),
  z.object({ type: z.literal("hyperdrive"), name, id: z.string().min(1) }),
  z.object({
    type: z.literal("queue"),
    name,
    queue_name: z.string().min(1),
    delivery_delay: z.int().optional(),
  }),
  z.object({
    type: z.literal("service"),
    name,
    service: z.string().min(1),
    environment: z.literal("production", "workers have no service environments here").optional(),
    entrypoint: z.string().optional(),
    props: z.record(z.string(), z.unknown()).optional(),
  }),
  z.object({
    type: z.literal("ratelimit"),
    name,
    namespace_id: z.string(),
    simple: z.object({ limit: z.int(), period: z.union([z.literal(10), z.literal(60)]) }),
  }),
  z.object({ type: z.literal("assets"), name }),
  z.object({ type: z.literal("version_metadata"), name }),
  z.object({ type: z.literal("inherit"), name }),
]);
export type CloudflareBinding = z.output<typeof bindingSchema>;

const none = (what: string) => z.undefined(`this platform has no ${what}`).optional();

/** The part `metadata` of the form in which Cloudflare's clients send a version. */
export const metadataSchema = z.object({
  main_module: z.string().min(1).optional(),
  body_part: none("service-worker syntax: export default { fetch } instead"),
  bindings: z.array(bindingSchema).max(1_000).default([]),
  keep_bindings: z.array(z.string()).default([]),
  /** Cloudflare's, for a worker that names none. */
  compatibility_date: z.iso.date().default("2021-11-02"),
  compatibility_flags: z.array(z.string()).default([]),
  limits: z.strictObject({ cpu_ms: z.int().optional(), subrequests: z.int().optional() }).optional(),
  annotations: z
    .object({
      "workers/message": z.string().optional(),
      "workers/tag": none("tags of versions"),
      "workers/alias": none("preview aliases"),
    })
    .optional(),
  assets: z
    .object({
      jwt: z.string(),
      config: z
        .object({
          html_handling: z
            .enum(["auto-trailing-slash", "force-trailing-slash", "drop-trailing-slash", "none"])
            .default("auto-trailing-slash"),
          not_found_handling: z.enum(["none", "404-page", "single-page-application"]).default("none"),
          run_worker_first: z.union([z.boolean(), z.array(z.string())]).default(false),
          _redirects: z.string().default(""),
          _headers: z.string().default(""),
        })
        .prefault({}),
    })
    .optional(),
  keep_assets: z.literal(false, "send the assets again: this platform keeps none").optional(),
  logpush: z.literal(false, "this platform has no Logpush").nullish(),
  placement: z.strictObject({ mode: z.literal("off") }, "this platform places workers by itself").nullish(),
  tail_consumers: z.array(z.never("this platform has no tail workers")).nullish(),
  streaming_tail_consumers: z.array(z.never("this platform has no tail workers")).nullish(),
  migrations: none("Durable Objects"),
  containers: z.array(z.never("this platform has no containers")).nullish(),
  capnp_schema: none("capnp schemas"),
  cache_options: none("caches of workers"),
  // Logs of every worker are kept, whatever is said here.
  observability: z.unknown().optional(),
  usage_model: z.unknown().optional(),
});
export type Metadata = z.output<typeof metadataSchema>;
