import { expect, test } from "bun:test";
import { dashboardTests } from "./rig.ts";
import { measureLoad, watchSpeed } from "./speed.ts";

const tests = dashboardTests();

/** What a first visit may cost, the editor aside. */
const maxBytes = 250 * 1_024;
/** A tenth of what is counted as good: nothing is seen to jump. */
const maxShift = 0.02;

test("a first visit is small, and nothing on the page jumps", async () => {
  const { dashboard } = tests;
  await dashboard.platform.deploy("examples/hello-js");
  await (await dashboard.platform.fetch("hello-js", "/")).text();
  const visitor = await dashboard.visitor();
  await watchSpeed(visitor);
  const page = await dashboard.page("/");
  await watchSpeed(page);
  const found: Record<string, object> = {};
  for (const path of [
    "/sign-in",
    "/",
    "/workers",
    "/workers/hello-js",
    "/workers/hello-js/logs",
    "/kv",
    "/crons",
    "/account",
  ]) {
    const { bytes, shift } = await measureLoad(path === "/sign-in" ? visitor : page, path);
    if (bytes > maxBytes || shift > maxShift) found[path] = { bytes, shift };
    expect(bytes).toBeGreaterThan(10_000);
  }
  expect(found).toEqual({});
});
