export { type Address, describeAddress, parseAddress, socketUrl } from "./address.ts";
export type { BulkTransaction } from "./copy/bulk-transaction.ts";
export { CopyRows } from "./copy/copy-rows.ts";
export {
  connect,
  Database,
  type DatabaseAccess,
  type Prepared,
  type Queries,
  type StoreDatabase,
} from "./database.ts";
export { type ConnectOptions, clientConfig } from "./driver.ts";
export {
  EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  type PostgresExit,
  startEmbeddedPostgres,
} from "./embedded/embedded-postgres.ts";
export type { IdentityTables, MailTemplate } from "./identity-tables.ts";
export type { ListenHandlers, ListenOptions } from "./listener.ts";
export { type Migration, migrate, pendingMigrations } from "./migrate.ts";
export { openProgram } from "./secrets/open-program.ts";
export { registerSealingKey, rotateSealingKey } from "./secrets/rotate.ts";
export { SecretKeys, type SecretKeysOptions } from "./secrets/secret-keys.ts";
export * from "./storage/mod.ts";
export * from "./stores/mod.ts";
export type {
  CronSource,
  MemberRole,
  S3Place,
  ScheduledEventState,
  SkipReason,
  StorageBackend,
  Tables,
  UserKind,
} from "./tables.ts";
