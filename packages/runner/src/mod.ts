export type { DatabaseCaller, DatabaseGateway } from "./bindings/database/gateway.ts";
export type {
  PlatformAction,
  PlatformCaller,
  PlatformGateway,
  PlatformResource,
} from "./bindings/platform/gateway.ts";
export { PlatformServices, type PlatformServicesOptions } from "./bindings/platform/services.ts";
export { BucketStores, type StorageServices } from "./bindings/storage/bucket-stores.ts";
export { endpointSchema, readS3Settings, type S3Settings } from "./bindings/storage/settings.ts";
export { storageServices } from "./bindings/storage/storage-services.ts";
export {
  type CellHost,
  checkSandbox,
  checkStart,
  checkWorker,
  findSandbox,
  openCellHost,
  type Sandbox,
  unversioned,
  type WorkerExports,
} from "./cells/mod.ts";
export { raiseOpenFiles } from "./cells/os/rlimits.ts";
export { judgeOwnServer } from "./egress/guard/own-server.ts";
export type { EventDispatch, EventEnd, ScheduledRun } from "./events/dispatch.ts";
export { ScheduledConsumer } from "./events/scheduled-consumer.ts";
export { LogEmitter, type LogEmitterOptions, type LogEmitterStats } from "./logs/log-emitter.ts";
export { addLogMetrics } from "./metrics/log-metrics.ts";
export { createRunner, type Runner, type RunnerOptions, type RunnerStats } from "./runner/runner.ts";
export { type RunnerSettings, readSettings } from "./runner/settings.ts";
export { cellsWithFiles } from "./supervisor/overgrown-cells.ts";
export { defaultMaxCells } from "./supervisor/supervisor.ts";
