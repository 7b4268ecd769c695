export { startTestCluster, startTestNats, type TestNats } from "./nats.ts";
export { NatsProcess } from "./nats-process.ts";
export { testBus } from "./test-bus.ts";
