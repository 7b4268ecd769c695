export type * from "./bus.ts";
export { busFromEnvironment, natsFromEnvironment } from "./environment.ts";
export { type LocalBusOptions, openLocalBus } from "./local/local-bus.ts";
export { connectNats, type NatsConnectionOptions, type NatsOptions } from "./nats/connect.ts";
export { openPlatformBus, type PlatformBus, type PlatformBusOptions } from "./platform.ts";
export { Backlogs } from "./queues/backlogs.ts";
export { countQueues } from "./queues/count-queues.ts";
export {
  countQueue,
  maxBacklogMessages,
  type QueueCounts,
  QueueStreamRoom,
  queueFull,
} from "./queues/stream-room.ts";
export { NatsServer, type NatsServerOptions, startNatsServer } from "./server/nats-server.ts";
