import type { Routes } from "../http/route.ts";
import { accountRoutes } from "./accounts/routes.ts";
import { activityRoutes } from "./activity/routes.ts";
import { assetRoutes } from "./assets/routes.ts";
import { auditRoutes } from "./audit/routes.ts";
import { bindingRoutes } from "./bindings/routes.ts";
import { cronRoutes } from "./crons/routes.ts";
import { databaseRoutes } from "./databases/routes.ts";
import { deploymentRoutes } from "./deployments/routes.ts";
import { domainRoutes } from "./domains/routes.ts";
import { environmentRoutes } from "./environments/routes.ts";
import { keyRoutes } from "./keys/routes.ts";
import { kvRoutes } from "./kv/routes.ts";
import { logRoutes } from "./logs/routes.ts";
import { invitationRoutes } from "./members/invitations.ts";
import { memberRoutes } from "./members/routes.ts";
import { queueRoutes } from "./queues/routes.ts";
import { storageRoutes } from "./storage/routes.ts";
import { usageRoutes } from "./usage/routes.ts";
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
  domainRoutes(routes);
  cronRoutes(routes);
  logRoutes(routes);
  activityRoutes(routes);
  kvRoutes(routes);
  storageRoutes(routes);
  databaseRoutes(routes);
  queueRoutes(routes);
  accountRoutes(routes);
  memberRoutes(routes);
  invitationRoutes(routes);
  keyRoutes(routes);
  auditRoutes(routes);
  usageRoutes(routes);
}
