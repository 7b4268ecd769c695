import { describe, expect, test } from "bun:test";
import { isOpenWorkersError } from "@openworkers/core";
import { testFolder } from "../testing/files.ts";
import { loadProject, type Project } from "./project.ts";

async function project(queues: object): Promise<Project> {
  const manifest = { name: "shop", main: "src/index.ts", compatibility_date: "2026-01-01", queues };
  await using folder = await testFolder({ "src/index.ts": "", "wrangler.json": JSON.stringify(manifest) });
  return await loadProject(folder.path, { dates: { newest: "2026-11-17", today: "2026-11-22" } });
}

async function refusal(queues: object): Promise<string> {
  try {
    await project(queues);
  } catch (thrown) {
    if (isOpenWorkersError(thrown, "INVALID_MANIFEST")) return thrown.message;
    throw thrown;
  }
  throw new Error("it was read");
}

describe("a manifest's queues", () => {
  test("are read as wrangler writes them: producers are bindings, consumers have its defaults", async () => {
    const { bindings, consumers, warnings } = await project({
      producers: [
        { binding: "ORDERS", queue: "orders", delivery_delay: 60, remote: false },
        { binding: "OWN" },
      ],
      consumers: [
        { queue: "orders" },
        {
          queue: "mails",
          ...{ max_batch_size: 100, max_batch_timeout: 0, max_retries: 0, retry_delay: 30 },
          ...{ max_concurrency: 250, dead_letter_queue: "dead" },
        },
        { queue: "free", max_concurrency: null },
      ],
    });
    const defaults = { maxBatchSize: 10, maxBatchTimeout: 5, maxRetries: 3, retryDelay: 0 };
    expect(Object.fromEntries(bindings)).toEqual({
      ORDERS: { kind: "queue", queue: "orders", deliveryDelay: 60 },
      OWN: { kind: "queue" },
    });
    expect(consumers).toEqual([
      { queue: "orders", settings: defaults },
      {
        queue: "mails",
        settings: {
          ...{ maxBatchSize: 100, maxBatchTimeout: 0, maxRetries: 0, retryDelay: 30 },
          ...{ maxConcurrency: 250, deadLetterQueue: "dead" },
        },
      },
      { queue: "free", settings: defaults },
    ]);
    expect(warnings).toEqual([]);
  });

  test("warn of keys that have no effect", async () => {
    const { warnings } = await project({
      producers: [{ binding: "A", queue: "a", colour: 1 }],
      consumers: [
        { queue: "a", type: "http_pull", visibility_timeout_ms: 1 },
        { queue: "b", type: "worker" },
      ],
    });
    expect(warnings).toEqual([
      "colour of queues.producers has no effect.",
      "visibility_timeout_ms of queues.consumers has no effect.",
      "The consumer of a is of the type http_pull, which there is not: this worker takes its messages.",
    ]);
  });

  test("are refused beyond Cloudflare's limits, twice, and as their own dead-letter queue", async () => {
    for (const wrong of [
      { max_batch_size: 101 },
      { max_batch_size: 0 },
      { max_batch_timeout: 61 },
      { max_retries: 101 },
      { retry_delay: 86_401 },
      { max_concurrency: 251 },
      { max_concurrency: 0 },
    ]) {
      const [key = ""] = Object.keys(wrong);
      expect(await refusal({ consumers: [{ queue: "a", ...wrong }] })).toContain(key);
    }
    expect(await refusal({ producers: [{ binding: "A", delivery_delay: -1 }] })).toContain("delivery_delay");
    expect(await refusal({ consumers: [{ queue: "a" }, { queue: "a" }] })).toContain("twice");
    expect(await refusal({ consumers: [{ queue: "a", dead_letter_queue: "a" }] })).toContain("its own");
    expect(await refusal({ producers: [{ binding: "A" }, { binding: "A" }] })).toContain("twice");
  });
});
