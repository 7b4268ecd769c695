import { afterAll, beforeAll, expect, test } from "bun:test";
import type { LogsService } from "../service.ts";
import { startTestLogs, type TestLogs } from "../testing/platform.ts";
import { line } from "../testing/records.ts";

let logs: TestLogs;
let service: LogsService;
beforeAll(async () => {
  logs = await startTestLogs();
  service = await logs.serve();
});
afterAll(() => logs[Symbol.asyncDispose]());

/** Opens a stream and leaves it: before the answer is there, after its first bytes, or by letting go of the body. */
async function comeAndGo(token: string, url: URL, way: number): Promise<void> {
  const leave = new AbortController();
  const asked = fetch(url, { headers: { authorization: `Bearer ${token}` }, signal: leave.signal });
  if (way === 0) leave.abort();
  const answer = await asked.catch(() => undefined);
  if (way === 1) leave.abort();
  const reader = answer?.body?.getReader();
  if (way > 1) await reader?.read();
  if (way === 2) leave.abort();
  else await reader?.cancel().catch(() => {});
}

test("readers that leave, at whatever moment and while more is logged, give their places back", async () => {
  const token = await logs.token();
  const shop = await logs.worker("shop");
  let done = false;
  const logging = (async () => {
    while (!done) await logs.publish(shop.workerId, [line(shop, "more")]);
  })();
  for (let round = 0; round < 4; round++) {
    const readers = Array.from({ length: 100 }, (_, index) => index % 4);
    await Promise.all(readers.map((way) => comeAndGo(token, new URL("/logs?history=10", service.url), way)));
  }
  done = true;
  await logging;
  while (service.clients > 0) await Bun.sleep(20);
  expect(service.clients).toBe(0);
});
