import type { Tool } from "../tool.ts";
import { cronTools } from "./crons.ts";
import { databaseTools } from "./databases.ts";
import { deployTools } from "./deploy.ts";
import { domainTools } from "./domains.ts";
import { environmentTools } from "./environment.ts";
import { kvTools } from "./kv.ts";
import { logTools } from "./logs.ts";
import { queueTools } from "./queues.ts";
import { storageTools } from "./storage.ts";
import { workerTools } from "./workers.ts";

/** Every tool, in the order of the command line's help. */
export const tools: readonly Tool[] = [
  ...deployTools,
  ...workerTools,
  ...logTools,
  ...environmentTools,
  ...kvTools,
  ...storageTools,
  ...databaseTools,
  ...cronTools,
  ...queueTools,
  ...domainTools,
];
