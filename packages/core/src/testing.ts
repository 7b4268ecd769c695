export { type ParsedMetric, parseExposition } from "./metrics/testing/parse-exposition.ts";
