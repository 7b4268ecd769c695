export type * from "./bus.ts";
export { connectNats, type NatsOptions } from "./nats/connect.ts";
