import { type ErrorCode, errorTable } from "@openworkers/core";
import { z } from "zod";

const nats = z.object({
  servers: z.array(z.string()),
  user: z.string().exactOptional(),
  password: z.string().exactOptional(),
  token: z.string().exactOptional(),
  nkeySeed: z.string().exactOptional(),
  credentialsFile: z.string().exactOptional(),
  tls: z
    .object({
      caFile: z.string().exactOptional(),
      certFile: z.string().exactOptional(),
      keyFile: z.string().exactOptional(),
    })
    .exactOptional(),
  replicas: z.int().exactOptional(),
  inboxPrefix: z.string().exactOptional(),
  connectMs: z.int().exactOptional(),
});

/** What a platform tells its logs service. What is secret of it is on no command line and in no environment. */
export const orderSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("start"),
    databaseUrl: z.string(),
    nats,
    /** The one that it had before; else as `startLogs`. */
    port: z.int().exactOptional(),
  }),
  z.object({ kind: z.literal("ask"), id: z.int() }),
  z.object({ kind: z.literal("stop") }),
]);
export type Order = z.infer<typeof orderSchema>;

const code = z.custom<ErrorCode>((value) => typeof value === "string" && Object.hasOwn(errorTable, value));

/** What it tells the platform. */
export const wordSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("listens") }),
  z.object({ kind: z.literal("ready"), url: z.string() }),
  z.object({
    kind: z.literal("failed"),
    code,
    message: z.string(),
    hint: z.string().exactOptional(),
  }),
  z.object({ kind: z.literal("report"), message: z.string(), details: z.record(z.string(), z.unknown()) }),
  z.object({ kind: z.literal("state"), id: z.int(), clients: z.int(), metrics: z.string() }),
]);
export type Word = z.infer<typeof wordSchema>;
/** Answer to `ask`. */
export type LogsState = Extract<Word, { kind: "state" }>;
