export {
  type DeployAssets,
  loadAssets,
  missingAssets,
  readBlob,
  type StoredAssets,
  sweepUploads,
  uploadAssets,
} from "./assets.ts";
export { type AuditEntry, type AuditFilter, listAudit } from "./audit.ts";
export { hashOf } from "./blobs.ts";
export {
  type CalledEntrypoint,
  checkCalledEntrypoints,
  maxCalledEntrypoints,
} from "./called-entrypoints.ts";
export {
  addCron,
  type CronChange,
  type CronChoice,
  changeCron,
  databaseTime,
  listCrons,
  type NewCron,
  removeCron,
  type StoredCron,
  setManifestCrons,
} from "./crons.ts";
export {
  createDatabase,
  createExternalDatabase,
  type DatabaseDump,
  databaseDropped,
  databaseDumped,
  deleteExpiredTokens,
  deletionFailed,
  expiredDumps,
  findDump,
  forgetDump,
  listDumps,
  markDeleting,
  stuckDeletions,
} from "./database-life.ts";
export {
  createDatabaseToken,
  type DatabaseToken,
  databaseTokensUsed,
  findDatabaseToken,
  listDatabaseTokens,
  type NewDatabaseToken,
  revokeDatabaseToken,
} from "./database-tokens.ts";
export {
  type DatabaseRow,
  databaseMeasured,
  databaseReady,
  databaseRow,
  databaseRows,
  limitDatabase,
  type SealedDatabaseRow,
  sealedDatabaseRow,
} from "./databases.ts";
export {
  type Deployed,
  type DeployInput,
  deployVersion,
  type UploadInput,
  uploadVersion,
} from "./deploy-version.ts";
export {
  type CreateDeployment,
  createDeployment,
  type Deployment,
  listDeployments,
  type Rollback,
  rollback,
} from "./deployments.ts";
export {
  addDomain,
  type Domain,
  listDomains,
  parseHostname,
  proveDomain,
  removeDomain,
  verifyDomain,
} from "./domains.ts";
export {
  type ChangeValues,
  changeValues,
  type EnvironmentBinding,
  type ListedValue,
  listValues,
  maxValueBytes,
  type NewValue,
} from "./environment-values.ts";
export {
  createEnvironment,
  deleteEnvironment,
  type Environment,
  ensureWorkerEnvironment,
  findEnvironment,
  listEnvironments,
} from "./environments.ts";
export {
  deleteKvEntry,
  type KvEntry,
  type KvKey,
  type KvListed,
  type KvPut,
  listKvEntries,
  maxInlineBytes,
  putKvEntry,
  readKvEntries,
} from "./kv/entries.ts";
export { putKvStream } from "./kv/put.ts";
export { sweepKv } from "./kv/sweep.ts";
export { isJsonKvValue, readKvValue } from "./kv/values.ts";
export { type ListedBinding, listBindings } from "./listed-bindings.ts";
export {
  createLogToken,
  createNamedLogToken,
  findLogToken,
  type LogGrant,
  type LogScope,
  listLogTokens,
  type NamedLogToken,
  revokeLogToken,
} from "./log-tokens.ts";
export { listPeople, type Person } from "./people.ts";
export { loadProgram, type StoredProgram, type StoredValue } from "./programs.ts";
export * from "./queues/mod.ts";
export { createResetLink, type ResetLink } from "./reset-links.ts";
export { type ResourceUser, resourceUsers } from "./resource-users.ts";
export {
  createResource,
  deleteResource,
  deleteUnused,
  ensureResource,
  findResource,
  getResource,
  listResources,
  type Resource,
  type ResourceIds,
  type ResourceKind,
  renameResource,
  resourceNoun,
} from "./resources.ts";
export { listRoutes, parseRoutePattern, type Route, setRoutes } from "./routes.ts";
export {
  effectiveLimits,
  type FoundVersion,
  findVersion,
  loadRouting,
  loadWorkerRouting,
  type RoutedVersion,
  type RoutedWorker,
  type RoutingOptions,
  type RoutingSnapshot,
} from "./routing.ts";
export {
  getScheduledEvent,
  type HistoryFilter,
  listScheduledEvents,
  runCron,
  type StoredScheduledEvent,
} from "./scheduled-events.ts";
export { createSetupLink, hasAdmin, type SetupLink } from "./setup-links.ts";
export {
  deploySystemWorker,
  ensureSystemUser,
  type SystemWorkerState,
  systemUserName,
  systemWorkerState,
} from "./system-workers.ts";
export { createUser, ensureOperator, operatorName, type User } from "./users.ts";
export { liveVersionSettings, type VersionSettings } from "./version-settings.ts";
export { listVersions, type Version } from "./versions.ts";
export {
  deleteWorker,
  getWorker,
  listWorkers,
  renameWorker,
  setLogRetention,
  setWorkerEnvironment,
  setWorkerLimits,
  type Worker,
  workerOwner,
} from "./workers.ts";
