export { ProgramCache, type ProgramCacheOptions } from "./program-cache.ts";
export type { RouteQuery, Router } from "./router.ts";
export { type FeedState, RoutingFeed, type RoutingFeedOptions } from "./routing-feed.ts";
export { RoutingTable } from "./routing-table.ts";
