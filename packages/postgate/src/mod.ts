export * from "./tenant.ts";
export * from "./tenants/mod.ts";
