export {
  type ListedConsumer,
  listQueueConsumers,
  removeQueueConsumer,
  type SetConsumer,
  setQueueConsumer,
} from "./consumers.ts";
export {
  countDelayed,
  type DelayEnd,
  type DelayedMessage,
  delayedBytes,
  delayMessages,
  maxDelayedBytes,
  maxDelayedMessages,
  takeDue,
} from "./delays.ts";
export { loadQueueDeliveries, type QueueDelivery } from "./deliveries.ts";
export { finishPurge, loadQueuePurges, purgeQueue, type QueuePurge } from "./purges.ts";
export { listQueues, pauseQueue, type Queue, type SentMessage, sendToQueue } from "./queues.ts";
