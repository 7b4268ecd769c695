export { type DirectoryOptions, PlatformDirectory } from "./directory.ts";
export { describePrincipal, type PostgateEvent } from "./events.ts";
export type { HttpFace } from "./http/http-face.ts";
export { Postgate, type PostgateOptions, type WorkerCaller } from "./postgate.ts";
export * from "./tenant.ts";
export * from "./tenants/mod.ts";
