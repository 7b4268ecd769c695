import { expect, test } from "bun:test";
import { startTestRunner } from "./testing/test-runner.ts";

const busy = `
const work = (ms) => { for (const end = Date.now() + ms; Date.now() < end; ) Math.sqrt(end); };
export default {
  fetch(request) {
    work(Number(new URL(request.url).searchParams.get("ms")));
    return new Response("done");
  },
};`;

test("the record of a short request says what it used", async () => {
  await using it = await startTestRunner();
  await it.deploy("busy", busy);
  // Over before anybody looks: all of it is billed when the request leaves.
  for (let count = 0; count < 5; count++) await (await it.get("busy", "/?ms=5")).text();
  const used = it.records.flatMap((record) => (record.kind === "invocation" ? [record.cpuMs] : []));
  expect(used).toHaveLength(5);
  for (const cpuMs of used) expect(cpuMs).toBeGreaterThan(0.5);
});

test("a fresh cell with much code has time to compile it, once", async () => {
  await using it = await startTestRunner();
  // 400 ms of it: a comment is code as well.
  await it.deploy("framework", `${busy}\n/*${"x".repeat(4 * 2 ** 20)}*/`);
  const first = await it.get("framework", "/?ms=200");
  expect([first.status, await first.text()]).toEqual([200, "done"]);
  const second = await it.get("framework", "/?ms=1000000");
  expect(second.headers.get("x-termination-reason")).toBe("cpu-limit");
  const record = it.records.findLast(({ kind }) => kind === "invocation");
  expect(record?.kind === "invocation" ? record.cpuMs : undefined).toBeLessThan(600);
});
