import type { components } from "@openworkers/client";

export type Queue = components["schemas"]["Queue"];
export type QueueCounts = components["schemas"]["QueueCounts"];
export type QueueMessage = components["schemas"]["QueueMessage"];
