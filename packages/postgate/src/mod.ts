export { type DirectoryOptions, PlatformDirectory } from "./directory.ts";
export * from "./tenant.ts";
export * from "./tenants/mod.ts";
