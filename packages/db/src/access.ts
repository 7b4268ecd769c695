/** For who brings a database of their own to the stores, and may not be on Bun. */
export { type Address, parseAddress } from "./address.ts";
export type { DatabaseAccess, Prepared, Queries, StoreDatabase } from "./database.ts";
export { getTypeParser } from "./driver.ts";
export { constraintOf, errorCode, explain, isRetryable, isUnavailable } from "./faults.ts";
export type { CronSource, MemberRole, SkipReason, StorageBackend, Tables, UserKind } from "./tables.ts";
