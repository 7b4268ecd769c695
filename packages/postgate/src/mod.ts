export { type DirectoryOptions, PlatformDirectory } from "./directory.ts";
export * from "./tenant.ts";
export * from "./wire/mod.ts";
