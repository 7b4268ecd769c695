export { ApiClient, type ClientOptions, createClient, once } from "./client.ts";
export { ApiError } from "./errors.ts";
export type { components, operations, paths } from "./generated/api.ts";
export { type FollowLogsOptions, followLogs } from "./logs.ts";
export { allOf, itemsOf, type Page, pageSize } from "./pages.ts";
export type { Fetch } from "./retry.ts";
export { type SecondFactorWanted, type SignedIn, secondFactor, signIn, signOut } from "./sign-in.ts";
export { type UploadMetadata, uploadVersion } from "./upload.ts";
