import { afterAll, beforeAll, describe } from "bun:test";
import type { Bus } from "../bus.ts";
import { contractOfConsume } from "./contract-consume.ts";
import { contractOfFollow } from "./contract-follow.ts";
import { contractOfLimits } from "./contract-limits.ts";
import { contractOfPublish } from "./contract-publish.ts";
import { contractOfRead } from "./contract-read.ts";
import { contractOfRedeliver } from "./contract-redeliver.ts";
import { contractOfRequests } from "./contract-requests.ts";
import { type ContractContext, testStream } from "./contract-rig.ts";

/** A bus of one kind, for a suite. */
export interface BusUnderTest extends AsyncDisposable {
  readonly bus: Bus;
}

/** The behaviour of every bus. */
export function busContract(kind: string, open: () => Promise<BusUnderTest>): void {
  describe(`a bus (${kind})`, () => {
    let under: BusUnderTest;
    beforeAll(async () => {
      under = await open();
    });
    afterAll(async () => {
      await under?.[Symbol.asyncDispose]();
    });
    const context: ContractContext = {
      bus: () => under.bus,
      async stream(options = {}) {
        const stream = testStream(options);
        await under.bus.declare(stream);
        return stream;
      },
    };
    contractOfPublish(context);
    contractOfConsume(context);
    contractOfRedeliver(context);
    contractOfFollow(context);
    contractOfRead(context);
    contractOfLimits(context);
    contractOfRequests(context);
  });
}
