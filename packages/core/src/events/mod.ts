export * from "./log-batch.ts";
export * from "./payload.ts";
export * from "./queue-message.ts";
export * from "./scheduled.ts";
export * from "./streams.ts";
