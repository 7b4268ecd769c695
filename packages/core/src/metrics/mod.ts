export type { Family } from "./family.ts";
export type { Counter, Histogram } from "./instruments.ts";
export { addProcessMetrics } from "./process-metrics.ts";
export { Registry } from "./registry.ts";
export { type MetricsServer, metricsType, type ServeMetricsOptions, serveMetrics } from "./serve.ts";
export type { Labels, Sample } from "./text.ts";
