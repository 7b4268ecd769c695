export { type DrainOptions, Ingress, type IngressOptions, startIngress } from "./ingress.ts";
export type { RouteQuery, Router } from "./router.ts";
export { defaultTimeouts, type Timeouts } from "./timeouts.ts";
