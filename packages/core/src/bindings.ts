import { z } from "zod";
import type { BucketId, DatabaseId, KvNamespaceId, QueueId, WorkerId } from "./ids.ts";

/**
 * What a name on `env` gives access to. The runner alone holds this: a cell is given a client under the name and
 * a socket to ask on, never an id, an address or a key.
 */
export type Binding =
  | { readonly kind: "kv"; readonly namespaceId: KvNamespaceId }
  | { readonly kind: "storage"; readonly bucketId: BucketId }
  /** Queries on a tenant database. */
  | { readonly kind: "database"; readonly databaseId: DatabaseId }
  /** PostgreSQL's wire protocol to a tenant database, for drivers. */
  | { readonly kind: "hyperdrive"; readonly databaseId: DatabaseId }
  /** Sends messages to a queue. */
  | {
      readonly kind: "queue";
      readonly queueId: QueueId;
      /** Seconds before a message is delivered that does not say so itself. */
      readonly deliveryDelay?: number | undefined;
    }
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
  | { readonly kind: "rate-limit"; readonly settings: RateLimit }
  /** The platform's database through Postgate, for the platform's own workers. */
  | { readonly kind: "platform-sql"; readonly face: PlatformFaceName }
  /** What the platform's own workers need of a runner, and SQL cannot do. */
  | { readonly kind: "platform-services" };

/** What Postgate lets do on a session: what a caller may, or what signing in takes. */
export type PlatformFaceName = "api" | "identity";

/**
 * A binding as a manifest or a user asks for it: resources by name, not yet looked up, and perhaps not there yet.
 */
export type WantedBinding =
  /** Name or id of a namespace. Without: the one that the worker had under the name, or a new one. */
  | { readonly kind: "kv"; readonly namespace?: string | undefined }
  /** Name of a bucket, made when there is none. Without: as with a namespace. */
  | { readonly kind: "storage"; readonly bucket?: string | undefined }
  /** Name or id of a database, made when there is none of the name. Without: as with a namespace. */
  | { readonly kind: "database"; readonly database?: string | undefined }
  | { readonly kind: "hyperdrive"; readonly database?: string | undefined }
  /** Name or id of a queue, made when there is none of the name. Without: as with a namespace. */
  | {
      readonly kind: "queue";
      readonly queue?: string | undefined;
      readonly deliveryDelay?: number | undefined;
    }
  | {
      readonly kind: "worker";
      readonly worker: string;
      readonly entrypoint?: string | undefined;
      /** JSON text. */
      readonly props?: string | undefined;
    }
  | Extract<
      Binding,
      { kind: "assets" | "version-metadata" | "rate-limit" | "platform-sql" | "platform-services" }
    >;

/** What a name on `env` was bound to, to be shown to the worker's owner. */
export interface BoundName {
  readonly name: string;
  readonly kind: BindingKind;
  /** Name of the namespace, bucket, database, queue or worker. */
  readonly resource?: string;
  /** Id of the namespace, bucket, database or queue. */
  readonly id?: string;
  readonly entrypoint?: string;
  readonly settings?: RateLimit;
  /** Whether the resource was made for it just now. */
  readonly created?: boolean;
}

export type BindingKind = Binding["kind"];
/** The bindings of one kind. */
export type BindingOf<Kind extends BindingKind> = Extract<Binding, { kind: Kind }>;

export const bindingKinds = [
  "kv",
  "storage",
  "database",
  "hyperdrive",
  "queue",
  "worker",
  "assets",
  "version-metadata",
  "rate-limit",
  "platform-sql",
  "platform-services",
] as const;

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
