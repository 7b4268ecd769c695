export * from "./tenant.ts";
