export type * from "./bus.ts";
export { type LocalBusOptions, openLocalBus } from "./local/local-bus.ts";
export { connectNats, type NatsOptions } from "./nats/connect.ts";
