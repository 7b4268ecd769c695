import { expect, test } from "bun:test";
import { defaultMaxima } from "@openworkers/core";
import { Permissions } from "../egress/guard/permissions.ts";
import { readSettings } from "./settings.ts";

test("nothing set means the defaults", () => {
  expect(readSettings({ OW_MAX_CELLS: "" })).toEqual({
    maxCells: undefined,
    warmCells: undefined,
    idleMs: undefined,
    codeCacheBytes: undefined,
    cacheLimits: { totalBytes: 256 * 2 ** 20, workerBytes: 64 * 2 ** 20 },
    assetCacheBytes: undefined,
    cellUidBase: undefined,
    metricsPerWorker: false,
    trustedProxies: [],
    maxima: defaultMaxima,
    egress: { open: true, permissions: Permissions.none, certificates: undefined },
  });
});

test("what is set is read with its unit", () => {
  const settings = readSettings({
    OW_MAX_CELLS: "40",
    OW_CELL_IDLE_SECONDS: "60",
    OW_TRUSTED_PROXIES: "10.0.0.0/8, ::1",
    OW_MAX_LIMITS: '{"cpuMs":60000}',
  });
  expect(settings).toMatchObject({
    maxCells: 40,
    idleMs: 60_000,
    trustedProxies: ["10.0.0.0/8", "::1"],
    maxima: { ...defaultMaxima, cpuMs: 60_000 },
  });
});

for (const [name, value] of [
  ["OW_MAX_CELLS", "many"],
  ["OW_MAX_CELLS", "0"],
  ["OW_METRICS_PER_WORKER", "yes"],
  ["OW_EGRESS", "closed"],
  ["OW_EGRESS_ALLOW", "10.0.0.0/99"],
  ["OW_MAX_LIMITS", "{"],
  ["OW_MAX_LIMITS", '{"cpu":1}'],
] as const) {
  test(`${name}=${value} is refused by name`, () => {
    expect(() => readSettings({ [name]: value })).toThrow(name);
  });
}
