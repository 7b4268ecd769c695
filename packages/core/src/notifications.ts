import { z } from "zod";
import {
  type DatabaseId,
  type EnvironmentId,
  isId,
  type QueueId,
  type UserId,
  type WorkerId,
} from "./ids.ts";

/** The PostgreSQL channel on which the database says what changed. */
export const notificationChannel = "openworkers";

const workerId = z.custom<WorkerId>((value) => isId<"worker">(value));
const databaseId = z.custom<DatabaseId>((value) => isId<"database">(value));
const queueId = z.custom<QueueId>((value) => isId<"queue">(value));
const userId = z.custom<UserId>((value) => isId<"user">(value));
const environmentId = z.custom<EnvironmentId>((value) => isId<"environment">(value));

const notificationSchema = z.discriminatedUnion("table", [
  /** Made, deleted, renamed, or given another environment or other limits. */
  z.object({ table: z.literal("workers"), workerId }),
  /** A new one is live. */
  z.object({ table: z.literal("deployments"), workerId }),
  /** Made, deleted, or a value changed. */
  z.object({ table: z.literal("environments"), environmentId }),
  z.object({ table: z.literal("domains"), workerId, hostname: z.string() }),
  z.object({ table: z.literal("routes"), workerId }),
  z.object({ table: z.literal("sealing_keys") }),
  /** Deleted or changed, or it lost a token. */
  z.object({ table: z.literal("databases"), databaseId }),
  /** Made, deleted or changed, or one of them is to run now. */
  z.object({ table: z.literal("crons") }),
  /** Deleted, paused or to be purged, or its consumer changed. */
  z.object({ table: z.literal("queues"), queueId }),
  /** A key or a session of the user's is gone, or lets do less. */
  z.object({ table: z.literal("credentials"), userId }),
]);

/** What changed, in the database's words. It may come more than once, and never says how: read the rows. */
export type Notification = z.infer<typeof notificationSchema>;

/** The notification in a payload; `undefined` when it is none that this release knows: then read everything. */
export function parseNotification(payload: string): Notification | undefined {
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch {
    return undefined;
  }
  return notificationSchema.safeParse(value).data;
}
