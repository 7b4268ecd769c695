export { PostgresStore, type PostgresStoreOptions } from "./postgres-store.ts";
export { type SweepOptions, type Swept, sweepStorage } from "./sweep.ts";
