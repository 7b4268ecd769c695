export { QueueConsumers, type QueueConsumersOptions } from "./queue-consumers.ts";
