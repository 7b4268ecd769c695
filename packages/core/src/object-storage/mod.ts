export * from "./checksums.ts";
export * from "./condition.ts";
export * from "./object-store.ts";
export * from "./range.ts";
export * from "./rules.ts";
export * from "./storage-error.ts";
