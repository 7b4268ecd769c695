export { type DirectoryOptions, PlatformDirectory } from "./directory.ts";
export * from "./tenant.ts";
