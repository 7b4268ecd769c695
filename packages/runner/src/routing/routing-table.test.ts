import { describe, expect, test } from "bun:test";
import { defaultLimits, newId, type WorkerId } from "@openworkers/core";
import type { RoutedWorker, RoutingSnapshot } from "@openworkers/db";
import { RoutingTable, Targets } from "./routing-table.ts";

function worker(name: string, ...percents: number[]): RoutedWorker {
  return {
    workerId: newId<"worker">() as WorkerId,
    worker: name,
    environmentId: null,
    environmentRevision: 0,
    called: [],
    versions: percents.map((percent, index) => ({
      versionId: newId<"version">(),
      version: index + 1,
      percent,
      limits: { ...defaultLimits },
      assets: false,
      entrypoints: [],
    })),
  };
}

const hello = worker("hello", 100);
const gradual = worker("gradual", 90, 10);
const snapshot: RoutingSnapshot = {
  workers: [hello, gradual],
  domains: [
    { hostname: "hello.example", workerId: hello.workerId },
    { hostname: "gradual.localhost", workerId: hello.workerId },
    { hostname: "localhost", workerId: hello.workerId },
    { hostname: "gone.example", workerId: newId<"worker">() },
  ],
  routes: [
    { pattern: "hello.example/gradual/*", workerId: gradual.workerId },
    { pattern: "gradual.localhost/*", workerId: hello.workerId },
    { pattern: "*.localhost/*", workerId: hello.workerId },
  ],
};
const table = new RoutingTable(snapshot, "localhost");

function answer(hostname: string, target = "/", versionKey?: string, random = 0): string {
  const match = table.match({ hostname, target, versionKey }, () => random);
  if (match === undefined) return "nobody";
  return match.kind === "target"
    ? `${match.target.worker} ${match.target.version}`
    : `preview ${match.worker} ${match.version}`;
}

test.each([
  ["hello.localhost", "/", "hello 1"],
  ["hello.localhost", "/gradual/x", "hello 1"],
  ["1--hello.localhost", "/", "hello 1"],
  ["2--hello.localhost", "/", "preview hello 2"],
  ["02--hello.localhost", "/", "nobody"],
  ["9999999999--hello.localhost", "/", "nobody"],
  ["2--1--hello.localhost", "/", "nobody"],
  ["2--gradual.localhost", "/", "gradual 2"],
  ["0--hello.localhost", "/", "preview hello 0"],
  ["1--nobody.localhost", "/", "nobody"],
  ["nobody.localhost", "/", "nobody"],
  ["a.hello.localhost", "/", "nobody"],
  ["localhost", "/", "hello 1"],
  ["hello.example", "/", "hello 1"],
  ["hello.example", "/gradual?x", "gradual 2"],
  ["a.hello.example", "/", "nobody"],
  ["gone.example", "/", "nobody"],
  ["", "/", "nobody"],
])("%s%s is answered by %s", (hostname, target, expected) => {
  expect(answer(hostname, target)).toBe(expected);
});

test("the base domain itself leads to the dashboard where nothing else is routed", () => {
  const dashboard = worker("dashboard", 100);
  const at = (routing: RoutingSnapshot, hostname: string) =>
    new RoutingTable(routing, "workers.example").match({ hostname, target: "/", versionKey: undefined });
  const alone: RoutingSnapshot = { ...snapshot, workers: [hello, dashboard] };
  const led = (routing: RoutingSnapshot, hostname = "workers.example") => {
    const match = at(routing, hostname);
    return match?.kind === "target" ? match.target.worker : undefined;
  };
  expect(led(alone)).toBe("dashboard");
  expect(led(alone, "dashboard.workers.example")).toBe("dashboard");
  expect(led(alone, "other.example")).toBeUndefined();
  expect(led(snapshot)).toBeUndefined();
  const domains = [{ hostname: "workers.example", workerId: hello.workerId }];
  expect(led({ ...alone, domains })).toBe("hello");
});

test("no domain or route stands in front of a worker's own address", () => {
  expect(answer("gradual.localhost", "/", undefined, 0.5)).toBe("gradual 1");
});

describe("a gradual deployment", () => {
  test("shares requests by percent", () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 1_000; i++) {
      const version = answer("gradual.localhost", "/", undefined, i / 1_000);
      counts.set(version, (counts.get(version) ?? 0) + 1);
    }
    expect(Object.fromEntries(counts)).toEqual({ "gradual 1": 900, "gradual 2": 100 });
  });

  test("gives one key one version, and keys their share", () => {
    const of = (key: string, random: number) => answer("gradual.localhost", "/", key, random);
    const keys = Array.from({ length: 2_000 }, (_, i) => `user-${i}`);
    const second = keys.filter((key) => of(key, 0) === "gradual 2");
    expect(keys.every((key) => of(key, 0) === of(key, 0.999))).toBe(true);
    expect(second.length).toBeGreaterThan(120);
    expect(second.length).toBeLessThan(290);
  });

  test("keeps a key on the new version while its share grows", () => {
    const grown = new RoutingTable(
      {
        ...snapshot,
        workers: [{ ...gradual, versions: gradual.versions.map((v) => ({ ...v, percent: 50 })) }],
      },
      "localhost",
    );
    for (let i = 0; i < 500; i++) {
      const query = { hostname: "gradual.localhost", target: "/", versionKey: `user-${i}` };
      const [before, after] = [table.match(query), grown.match(query)];
      if (before?.kind !== "target" || after?.kind !== "target") throw new Error("no answer");
      if (before.target.version === 2) expect(after.target.version).toBe(2);
    }
  });
});

test("what did not change is the same target in the next table", () => {
  const targets = new Targets();
  const first = new RoutingTable(snapshot, "localhost", targets);
  targets.turn();
  const second = new RoutingTable(structuredClone(snapshot), "localhost", targets);
  expect([...second.targets()].every((target, index) => target === [...first.targets()][index])).toBe(true);
});

test("a target is live until its version, environment or limits change", () => {
  const [target] = [...table.targets()];
  if (target === undefined) throw new Error("no target");
  const with_ = (change: Partial<RoutedWorker>) =>
    new RoutingTable({ ...snapshot, workers: [{ ...hello, ...change }] }, "localhost").isLive(target);
  expect(with_({})).toBe(true);
  expect(with_({ environmentRevision: 1 })).toBe(false);
  const [version] = hello.versions;
  if (version === undefined) throw new Error("no version");
  expect(with_({ versions: [{ ...version, limits: { ...defaultLimits, cpuMs: 7 } }] })).toBe(false);
  expect(with_({ versions: [{ ...version, versionId: newId<"version">() }] })).toBe(false);
});
