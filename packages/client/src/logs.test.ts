import { expect, test } from "bun:test";
import { ApiClient, followLogs } from "./mod.ts";

const event = (id: number) => `id: ${id}\ndata: ${JSON.stringify({ message: `m${id}` })}\n\n`;

test("a log is followed on from where its stream broke off, and given up when it is gone", async () => {
  const asked: [search: string, lastEventId: string | null][] = [];
  await using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      asked.push([new URL(request.url).search, request.headers.get("last-event-id")]);
      const headers = { "content-type": "text/event-stream" };
      if (asked.length === 1) return new Response(`id: 0\n\n${event(1)}${event(2)}`, { headers });
      if (asked.length === 2) return new Response(`${event(3)}event: end\ndata: stopped\n\n`, { headers });
      return Response.json({ error: { code: "NOT_FOUND", message: "It was deleted." } }, { status: 404 });
    },
  });
  const client = new ApiClient({ url: `http://127.0.0.1:${server.port}`, token: "ow_key" });
  const lost: string[] = [];
  let connections = 0;
  const options = {
    worker: "a b",
    query: { level: "warn", history: "5" },
    signal: new AbortController().signal,
  } as const;
  const messages: unknown[] = [];
  const following = async () => {
    for await (const record of followLogs(client, {
      ...options,
      onLost: (why) => lost.push(why),
      onConnected: () => {
        connections += 1;
      },
    }))
      if (record.kind !== "invocation") messages.push(record.message);
  };
  await expect(following()).rejects.toMatchObject({ code: "NOT_FOUND", message: "It was deleted." });
  expect(messages).toEqual(["m1", "m2", "m3"]);
  expect(asked).toEqual([
    ["?level=warn&history=5", null],
    ["?level=warn", "2"],
    ["?level=warn", "3"],
  ]);
  expect(lost).toHaveLength(2);
  expect(connections).toBe(2);
});

test("a log that is no longer wanted ends quietly, and one that the reader is too slow for with an error", async () => {
  await using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response(`${event(1)}event: end\ndata: slow\n\n`),
  });
  const client = new ApiClient({ url: `http://127.0.0.1:${server.port}` });
  const slow = Array.fromAsync(followLogs(client, { signal: new AbortController().signal }));
  await expect(slow).rejects.toMatchObject({ code: "OVERLOADED" });
  const stop = new AbortController();
  let count = 0;
  for await (const _ of followLogs(client, { signal: stop.signal })) {
    count += 1;
    stop.abort();
    break;
  }
  expect(count).toBe(1);
});
