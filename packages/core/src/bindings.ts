import { z } from "zod";
import type { BucketId, KvNamespaceId, WorkerId } from "./ids.ts";

/**
 * What a name on `env` gives access to. The runner alone holds this: a cell is given a client under the name and
 * a socket to ask on, never an id, an address or a key.
 */
export type Binding =
  | { readonly kind: "kv"; readonly namespaceId: KvNamespaceId }
  | { readonly kind: "storage"; readonly bucketId: BucketId }
  | {
      readonly kind: "worker";
      readonly workerId: WorkerId;
      /** Name of an exported `WorkerEntrypoint` class; the default export without. */
      readonly entrypoint?: string | undefined;
      /** `ctx.props` of the worker that is called, as JSON text. */
      readonly props?: string | undefined;
    }
  /** The version's own static files. */
  | { readonly kind: "assets" }
  | { readonly kind: "version-metadata" }
  | { readonly kind: "rate-limit"; readonly settings: RateLimit };

export type BindingKind = Binding["kind"];
/** The bindings of one kind. */
export type BindingOf<Kind extends BindingKind> = Extract<Binding, { kind: Kind }>;

export const bindingKinds = ["kv", "storage", "worker", "assets", "version-metadata", "rate-limit"] as const;

export const rateLimitSchema = z.object({
  /** Bindings of one owner with the same one count together. */
  namespace: z.string().min(1).max(64),
  /** Calls allowed per key and period. */
  limit: z.int().min(1).max(1_000_000),
  periodSeconds: z.union([z.literal(10), z.literal(60)]),
});

export type RateLimit = z.infer<typeof rateLimitSchema>;

/** How a name on `env` looks: an identifier of JavaScript in ASCII, up to 128 characters. */
export const bindingNamePattern = /^[A-Za-z_$][A-Za-z0-9_$]{0,127}$/;
