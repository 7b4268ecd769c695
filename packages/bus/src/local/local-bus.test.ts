import { setDefaultTimeout } from "bun:test";
import { busContract } from "../testing/contract.ts";
import { testBus } from "../testing/test-bus.ts";

setDefaultTimeout(60_000);

busContract("local", async () => testBus());
