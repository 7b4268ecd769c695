import { setDefaultTimeout } from "bun:test";
import { busContract } from "../testing/contract.ts";
import { startTestCluster, startTestNats, type TestNats } from "../testing/nats.ts";

setDefaultTimeout(60_000);

async function connected(nats: TestNats) {
  return { bus: await nats.connect(), [Symbol.asyncDispose]: () => nats[Symbol.asyncDispose]() };
}

busContract("one nats-server", async () => connected(await startTestNats()));
busContract("a cluster of three", async () => connected(await startTestCluster(3)));
