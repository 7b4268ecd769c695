import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { Permissions } from "../egress/guard/permissions.ts";
import { rawServer } from "../egress/testing/servers.ts";
import { startTestRunner } from "./testing/test-runner.ts";

const openFiles = () => statSync("/proc/self/fd").size;

const holder = `
const held = [];
export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    const url = searchParams.get("url");
    const wanted = Number(searchParams.get("count"));
    for (let count = 0; count < wanted; count += 50)
      held.push(...await Promise.all(Array.from({ length: 50 }, () => fetch(url))));
    // For longer than files are counted apart.
    if (wanted >= 1_000) await scheduler.wait(20_000);
    return new Response(String(held.length));
  },
};`;

test("a worker that opens as many connections as it can is ended before the runner has no files left", async () => {
  // Of this process too: the server's ends are its files.
  const maxOpenFiles = openFiles() + 2_000;
  await using it = await startTestRunner({
    maxOpenFiles,
    egress: { open: true, permissions: Permissions.parse(["127.0.0.1"]), certificates: undefined },
  });
  using server = rawServer({
    received: (_, write) => write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
  });
  const ask = (worker: string, count: number) =>
    it.get(worker, `/?count=${count}&url=http://127.0.0.1:${server.port}/`);
  await it.deploy("greedy", holder, { limits: { cpuMs: 30_000 } });
  await it.deploy("modest", holder, { limits: { cpuMs: 30_000 } });
  expect(await (await ask("modest", 100)).text()).toBe("100");
  const pidOf = (worker: string) => it.runner.cells().find((cell) => cell.worker === worker)?.pid;
  const modest = pidOf("modest");
  const answer = await ask("greedy", 1_000);
  expect([answer.status, answer.headers.get("x-termination-reason")]).toEqual([503, "crashed"]);
  await server.until(() => server.open() <= 100);
  expect(openFiles()).toBeLessThan(maxOpenFiles * 0.75);
  expect(pidOf("modest")).toBe(modest);
  expect(it.reports).toContainEqual(
    expect.objectContaining({
      message: "The runner's files run short: a cell with many connections was ended.",
      worker: "greedy",
      files: expect.any(Number),
    }),
  );
  // And it may begin again.
  expect(await (await ask("greedy", 50)).text()).toBe("50");
});
