import { expect, test } from "bun:test";
import { testFolder } from "../testing/files.ts";
import { sharedPlatform } from "../testing/shared-platform.ts";

const platform = sharedPlatform();
const { home } = platform;

const source = `
  export default {
    async fetch(request, env) {
      if (request.method === "GET") return new Response((await env.DONE.get("all")) ?? "");
      await env.QUEUE.send(await request.text(), { contentType: "text" });
      return new Response("sent");
    },
    async queue(batch, env) {
      const before = (await env.DONE.get("all")) ?? "";
      await env.DONE.put("all", before + batch.messages.map(({ body }) => JSON.stringify(body) + ";").join(""));
    },
  };`;
const manifest = {
  ...{ name: "shop", main: "index.js", compatibility_date: "2026-11-01" },
  kv_namespaces: [{ binding: "DONE" }],
  queues: {
    producers: [{ binding: "QUEUE", queue: "orders" }],
    consumers: [{ queue: "orders", max_batch_timeout: 0, max_concurrency: 1, dead_letter_queue: "dead" }],
  },
};

const ask = async (init: RequestInit = {}) =>
  (
    await fetch(`http://127.0.0.1:${platform.ready.port}/`, { ...init, headers: { host: "shop.localhost" } })
  ).text();
async function untilDone(expected: string): Promise<void> {
  while ((await ask()) !== expected) await Bun.sleep(20);
}

test("a worker is deployed with its queues, sends, and is delivered what it and the command line send", async () => {
  await using folder = await testFolder({ "index.js": source, "wrangler.json": JSON.stringify(manifest) });
  const deployed = await home.json<{ bindings: { name: string; resource: string; created: boolean }[] }>(
    "deploy",
    folder.path,
  );
  expect(deployed).toMatchObject({
    consumers: [{ queue: "orders", settings: { maxConcurrency: 1, deadLetterQueue: "dead" } }],
  });
  expect(deployed.bindings).toContainEqual(
    expect.objectContaining({ name: "QUEUE", kind: "queue", resource: "orders", created: true }),
  );
  expect(await ask({ method: "POST", body: "by the worker" })).toBe("sent");
  await untilDone('"by the worker";');
  await home.json("queues", "send", "orders", '{"by":"hand"}');
  await untilDone('"by the worker";{"by":"hand"};');
});

test("queues are listed and shown with who takes their messages", async () => {
  expect(await home.json<unknown>("queues", "list")).toMatchObject([
    { name: "dead", delayed: 0, paused: false },
    { name: "orders", owner: "operator", consumer: { worker: "shop", source: "manifest" } },
  ]);
  const { stdout } = await home.ow(["queues", "show", "orders"]);
  expect(stdout).toContain(
    "shop, by its manifest; up to 10 messages in 0 s; 3 retries; 1 at a time; then to dead",
  );
  expect(await home.json<unknown>("bindings", "list", "shop")).toContainEqual(
    expect.objectContaining({ name: "QUEUE", kind: "queue", resource: "orders" }),
  );
});

test("what waits, is in flight, is delayed and is dead is counted", async () => {
  const counts = async (queue: string) => {
    const { waiting, inFlight, delayed, deadLetters } = await home.json<Record<string, unknown>>(
      "queues",
      "show",
      queue,
    );
    return { waiting, inFlight, delayed, deadLetters };
  };
  expect(await counts("orders")).toEqual({ waiting: 0, inFlight: 0, delayed: 0, deadLetters: 0 });
  for (const text of ["1", "2"]) await home.json("queues", "send", "dead", text);
  await home.json("queues", "send", "dead", "3", "--delay", "3600");
  while ((await counts("dead")).waiting !== 2) await Bun.sleep(50);
  expect(await counts("dead")).toEqual({ waiting: 2, inFlight: 0, delayed: 1, deadLetters: null });
  expect(await counts("orders")).toMatchObject({ waiting: 0, deadLetters: 3 });
  const { stdout } = await home.ow(["queues", "show", "orders"]);
  expect(stdout).toContain("messages: 0 waiting, 0 in flight, 0 delayed\ndead letters: 3 in dead");
  await home.json("queues", "purge", "dead", "--yes");
  while ((await counts("dead")).waiting !== 0) await Bun.sleep(50);
});

test("a paused queue keeps its messages, and a purge removes them", async () => {
  const before = await ask();
  expect(await home.json("queues", "pause", "orders")).toMatchObject({ paused: true });
  await home.json("queues", "send", "orders", "1", "--delay", "3600");
  expect(await home.json("queues", "show", "orders")).toMatchObject({ delayed: 1 });
  expect((await home.ow(["queues", "purge", "orders"])).code).toBe(2);
  await home.json("queues", "purge", "orders", "--yes");
  expect(await home.json("queues", "show", "orders")).toMatchObject({ delayed: 0 });
  expect(await home.json("queues", "resume", "orders")).toMatchObject({ paused: false });
  await home.json("queues", "send", "orders", "text", "--type", "text");
  await untilDone(`${before}"text";`);
});

test("a consumer is set and taken away by hand, and a queue deleted when nobody needs it", async () => {
  const bound = await home.ow(["queues", "delete", "orders", "--yes"]);
  expect([bound.code, bound.stderr]).toEqual([1, expect.stringContaining("shop (as QUEUE)")]);
  await home.json("queues", "create", "mails");
  const added = await home.json("queues", "consumer", "add", "mails", "shop", "--batch-size", "2");
  expect(added).toMatchObject({
    worker: "shop",
    source: "user",
    settings: { maxBatchSize: 2, maxRetries: 3 },
  });
  expect(await home.json<unknown[]>("queues", "consumer", "list")).toHaveLength(2);
  const wrong = await home.ow(["queues", "consumer", "add", "mails", "shop", "--batch-size", "200"]);
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining("maxBatchSize")]);
  const consumed = await home.ow(["queues", "delete", "mails", "--yes"]);
  expect([consumed.code, consumed.stderr]).toEqual([1, expect.stringContaining("shop (as its consumer)")]);
  await home.json("queues", "consumer", "remove", "mails");
  expect(await home.json("queues", "delete", "mails", "--yes")).toMatchObject({
    name: "mails",
    deleted: true,
  });
  const gone = await home.ow(["queues", "show", "mails"]);
  expect([gone.code, gone.stderr]).toEqual([1, expect.stringContaining("ow queues create mails")]);
});

test("what is no message is not sent", async () => {
  const text = await home.ow(["queues", "send", "orders", "not json"]);
  expect([text.code, text.stderr]).toEqual([2, expect.stringContaining("--type text")]);
  expect((await home.ow(["queues", "send", "orders", "1", "--delay", "1.5"])).code).toBe(2);
  expect((await home.ow(["queues", "send", "orders", "1", "--delay", "86401"])).code).toBe(1);
  expect((await home.ow(["queues", "send", "nothing", "1"])).code).toBe(1);
});
