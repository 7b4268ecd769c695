import type { Routes } from "../http/route.ts";
import { assetRoutes } from "./assets/routes.ts";
import { bindingRoutes } from "./bindings/routes.ts";
import { deploymentRoutes } from "./deployments/routes.ts";
import { environmentRoutes } from "./environments/routes.ts";
import { valueRoutes } from "./values/routes.ts";
import { versionRoutes } from "./versions/routes.ts";
import { workerRoutes } from "./workers/routes.ts";

/** Every route of the API, in the order of its document. */
export function addRoutes(routes: Routes): void {
  workerRoutes(routes);
  versionRoutes(routes);
  assetRoutes(routes);
  deploymentRoutes(routes);
  valueRoutes(routes);
  bindingRoutes(routes);
  environmentRoutes(routes);
}
