export { type Address, describeAddress, parseAddress } from "./address.ts";
export { type ConnectOptions, connect, Database, type Queries } from "./database.ts";
export {
  EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  type PostgresExit,
  startEmbeddedPostgres,
} from "./embedded/embedded-postgres.ts";
export type { ListenHandlers } from "./listener.ts";
export { type Migration, migrate, pendingMigrations } from "./migrate.ts";
export * from "./stores/mod.ts";
export type { Tables } from "./tables.ts";
