export * from "./policy.ts";
export * from "./schedule.ts";
