export { type FollowLogsOptions, followLogs } from "./client/follow-logs.ts";
export { type QueryLogsOptions, queryLogs } from "./client/query-logs.ts";
export { apiLogPaths, type LogPaths } from "./client/request.ts";
export { type LogFilter, logFilterSchema, matchesFilter } from "./filter.ts";
export { createLogsService, type LogsService, type LogsServiceOptions } from "./service.ts";
export { type LogsSettings, readLogsSettings } from "./settings.ts";
