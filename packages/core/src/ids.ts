import { v7 } from "uuid";

declare const brand: unique symbol;

/** A string that only the platform hands out; ids of different things do not mix. */
export type Id<Kind extends string> = string & { readonly [brand]: Kind };

export type UserId = Id<"user">;
export type WorkerId = Id<"worker">;
export type VersionId = Id<"version">;
export type DeploymentId = Id<"deployment">;
export type EnvironmentId = Id<"environment">;
export type RequestId = Id<"request">;
export type KvNamespaceId = Id<"kv-namespace">;
export type BucketId = Id<"bucket">;
export type DatabaseId = Id<"database">;
export type DatabaseTokenId = Id<"database-token">;
export type CronId = Id<"cron">;
export type ScheduledEventId = Id<"scheduled-event">;
export type QueueId = Id<"queue">;
export type LogTokenId = Id<"log-token">;
export type ApiKeyId = Id<"api-key">;
export type InvitationId = Id<"invitation">;
export type MailId = Id<"mail">;
export type QueueMessageId = Id<"queue-message">;

/** A new time-ordered id (UUID version 7, RFC 9562): rows inserted together stay together in an index. */
export function newId<Kind extends string>(): Id<Kind> {
  return v7() as Id<Kind>;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether `value` has the form of an id (lower-case UUID). */
export function isId<Kind extends string>(value: unknown): value is Id<Kind> {
  return typeof value === "string" && uuid.test(value);
}
