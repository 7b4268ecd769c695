export type { RouteQuery, Router } from "../routing/router.ts";
export { type DrainOptions, Ingress, type IngressOptions, startIngress } from "./ingress.ts";
export { ServiceIngress } from "./service-ingress.ts";
export { defaultTimeouts, type Timeouts } from "./timeouts.ts";
