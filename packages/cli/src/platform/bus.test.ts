import { expect, test } from "bun:test";
import { startTestNats } from "@openworkers/bus/testing";
import { withTestDatabase } from "@openworkers/db/testing";
import { OwHome } from "../testing/ow.ts";

test("a service that starts while NATS is away waits for it, says so, and can be stopped meanwhile", async () => {
  await using fixture = await withTestDatabase();
  await using nats = await startTestNats();
  await using home = new OwHome();
  const [node] = nats.nodes;
  await node?.kill();
  const env = {
    DATABASE_URL: fixture.url,
    NATS_URL: `nats://${nats.servers[0]}`,
    OW_SECRET_KEY: (await home.ow(["secret", "new-key"])).stdout.trim(),
  };
  const stopped = home.start(["scheduler", "--json"], { env });
  const waiting = home.start(["scheduler", "--json"], { env });
  for (const service of [stopped, waiting]) {
    const said = await service.line((text) => text.includes("NATS is waited for"));
    expect(said).toContain("Check that nats-server is running");
  }
  expect(await stopped.end("SIGTERM")).toBe(130);
  await node?.start();
  expect(await waiting.line((text) => text.startsWith("{"))).toContain('"ready":true');
  expect(await waiting.end("SIGTERM")).toBe(0);
});
