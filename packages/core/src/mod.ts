export * from "./errors.ts";
export * from "./ids.ts";
export * from "./limits.ts";
export * from "./logs.ts";
export * from "./notifications.ts";
export * from "./termination.ts";
export * from "./worker-code.ts";
export * from "./worker-name.ts";
