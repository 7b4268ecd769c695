export { QueueConsumers, type QueueConsumersOptions, type QueueStats } from "./queue-consumers.ts";
