export { startTestCluster, startTestNats, type TestNats } from "./nats.ts";
export { NatsProcess } from "./nats-process.ts";
