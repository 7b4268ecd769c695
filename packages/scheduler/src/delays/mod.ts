export { createDelays, type DelaysOptions } from "./delays.ts";
