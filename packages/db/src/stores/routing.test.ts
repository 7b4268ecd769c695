import { describe, expect, test } from "bun:test";
import { defaultLimits, defaultMaxima } from "@openworkers/core";
import { addDomain, listDomains, parseHostname, removeDomain, verifyDomain } from "./domains.ts";
import { listRoutes, parseRoutePattern, setRoutes } from "./routes.ts";
import { effectiveLimits, loadRouting, loadWorkerRouting } from "./routing.ts";
import { platform, rejection } from "./testing/fixtures.ts";
import { setWorkerLimits } from "./workers.ts";

describe("the routing table", () => {
  test("holds every worker with what serves it, and one worker's part holds the same of it", async () => {
    await using fixture = await platform();
    const { database } = fixture;
    const one = await fixture.deploy("one");
    await setRoutes(database, { worker: "one", patterns: ["example.com/one/*"], by: fixture.operator });
    const two = await fixture.deploy("two", { by: fixture.operator, domains: ["two.example.com"] });
    const split = await fixture.deploy("one", { percent: 30 });
    const whole = await loadRouting(database);
    expect(whole).toMatchObject({
      workers: [
        {
          worker: "one",
          workerId: one.workerId,
          environmentId: null,
          environmentRevision: 0,
          versions: [
            { versionId: one.versionId, version: 1, percent: 70 },
            { versionId: split.versionId, version: 2, percent: 30 },
          ],
        },
        { worker: "two", workerId: two.workerId, versions: [{ versionId: two.versionId, percent: 100 }] },
      ],
      domains: [{ hostname: "two.example.com", workerId: two.workerId }],
      routes: [{ pattern: "example.com/one/*", workerId: one.workerId }],
    });
    expect(await loadWorkerRouting(database, one.workerId)).toEqual({
      workers: whole.workers.filter(({ workerId }) => workerId === one.workerId),
      domains: [],
      routes: [...whole.routes],
    });
  });

  test("has a version's limits over its worker's over the platform's", async () => {
    await using fixture = await platform();
    const { database, ada: by } = fixture;
    await fixture.deploy("hello");
    await fixture.deploy("hello", { limits: { cpuMs: 300, concurrency: 7 }, percent: 50 });
    await setWorkerLimits(database, { worker: "hello", limits: { cpuMs: 200, subrequests: 5 }, by });
    const limits = async () =>
      (await loadRouting(database)).workers[0]?.versions.map((version) => version.limits);
    expect(await limits()).toEqual([
      { ...defaultLimits, subrequests: 5, cpuMs: 300, concurrency: 7 },
      { ...defaultLimits, subrequests: 5, cpuMs: 200 },
    ]);
    await setWorkerLimits(database, { worker: "hello", limits: { subrequests: null }, by });
    expect(await limits()).toEqual([
      { ...defaultLimits, cpuMs: 300, concurrency: 7 },
      { ...defaultLimits, cpuMs: 200 },
    ]);
    const tooMuch = setWorkerLimits(database, { worker: "hello", limits: { cpuMs: 40_000 }, by });
    expect(await rejection(tooMuch)).toMatchObject({ code: "INVALID_LIMIT" });
  });

  test("clamps limits to maxima that were lowered, and passes over what is no limit", () => {
    const maxima = { ...defaultMaxima, cpuMs: 50 };
    expect(effectiveLimits([{}, { cpuMs: 1_000 }], maxima).cpuMs).toBe(50);
    expect(effectiveLimits([], maxima).cpuMs).toBe(50);
    expect(effectiveLimits([{ cpuMs: "many", memoryBytes: -1, moons: 7 }, null])).toEqual(defaultLimits);
  });
});

describe("a domain", () => {
  test("of a user leads nowhere until it is verified; an operator's does at once", async () => {
    await using fixture = await platform();
    const { database, ada, operator } = fixture;
    await fixture.deploy("hello");
    const hosts = async () => (await loadRouting(database)).domains.map(({ hostname }) => hostname);
    const claimed = await addDomain(database, { worker: "hello", hostname: "App.Example.com.", by: ada });
    expect(claimed).toMatchObject({ hostname: "app.example.com", verifiedAt: null });
    expect(claimed.verificationToken.length).toBeGreaterThanOrEqual(32);
    expect(await hosts()).toEqual([]);
    await addDomain(database, { worker: "hello", hostname: "app.example.com", by: ada });
    await verifyDomain(database, { hostname: "app.example.com", by: ada });
    await addDomain(database, { worker: "hello", hostname: "ops.example.com", by: operator });
    expect(await hosts()).toEqual(["app.example.com", "ops.example.com"]);
    await removeDomain(database, { hostname: "ops.example.com", by: ada });
    expect((await listDomains(database, "hello")).map(({ hostname }) => hostname)).toEqual([
      "app.example.com",
    ]);
  });

  test("belongs to one worker, and is only its owner's to change", async () => {
    await using fixture = await platform();
    const { database, ada, bob } = fixture;
    await fixture.deploy("hello");
    await fixture.deploy("bobs", { by: bob });
    await addDomain(database, { worker: "hello", hostname: "app.example.com", by: ada });
    await verifyDomain(database, { hostname: "app.example.com", by: ada });
    const steal = addDomain(database, { worker: "bobs", hostname: "APP.example.com", by: bob });
    expect(await rejection(steal)).toMatchObject({ code: "CONFLICT" });
    const theirs = { hostname: "app.example.com", by: bob };
    expect(await rejection(verifyDomain(database, theirs))).toMatchObject({ code: "FORBIDDEN" });
    expect(await rejection(removeDomain(database, theirs))).toMatchObject({ code: "FORBIDDEN" });
    expect(
      await rejection(addDomain(database, { worker: "hello", hostname: "b.example.com", by: bob })),
    ).toMatchObject({ code: "FORBIDDEN" });
  });

  const names: [string, string | undefined][] = [
    ["example.com", "example.com"],
    ["EXAMPLE.com.", "example.com"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["a-b.c-d.example", "a-b.c-d.example"],
    ["example", undefined],
    ["*.example.com", undefined],
    ["example.com:80", undefined],
    ["example.com/x", undefined],
    ["user@example.com", undefined],
    ["exa mple.com", undefined],
    ["exa%6dple.com", undefined],
    ["-a.example.com", undefined],
    ["a..example.com", undefined],
    ["a_b.example.com", undefined],
    ["127.0.0.1", undefined],
    ["0x7f.1", undefined],
    ["[::1]", undefined],
    ["", undefined],
    ["'; drop table domains; --.com", undefined],
    [`${"a".repeat(64)}.example.com`, undefined],
    [`${"a.".repeat(130)}com`, undefined],
  ];
  for (const [text, stored] of names) {
    test(`is ${stored === undefined ? "not" : `stored as ${stored} when`} written "${text.slice(0, 40)}"`, () => {
      if (stored === undefined) expect(() => parseHostname(text)).toThrow("is not a host name");
      else expect(parseHostname(text)).toBe(stored);
    });
  }
});

describe("routes", () => {
  test("are replaced by those of the next manifest that has any, and kept by one that has none", async () => {
    await using fixture = await platform();
    const { database } = fixture;
    const patterns = async () => (await listRoutes(database, "hello")).map(({ pattern }) => pattern);
    const by = fixture.operator;
    await fixture.deploy("hello");
    await fixture.deploy("hello", { by, routes: ["example.com/a", "example.com/b/*"] });
    await fixture.deploy("hello");
    expect(await patterns()).toEqual(["example.com/a", "example.com/b/*"]);
    await fixture.deploy("hello", { by, routes: ["example.com/b/*", "*.example.com/*"] });
    expect(await patterns()).toEqual(["*.example.com/*", "example.com/b/*"]);
    await setRoutes(database, { worker: "hello", patterns: [], by: fixture.ada });
    expect(await patterns()).toEqual([]);
  });

  const forms: [string, string | undefined][] = [
    ["example.com/api/*", "example.com/api/*"],
    ["https://Example.COM/Api", "example.com/Api"],
    ["example.com", "example.com/"],
    ["*.example.com/*", "*.example.com/*"],
    ["localhost/x*", "localhost/x*"],
    ["example.com/a(b)'c", "example.com/a(b)'c"],
    ["example.com/*/x", undefined],
    ["exam*ple.com/", undefined],
    ["*example.com/", undefined],
    ["*/x", undefined],
    ["/x", undefined],
    ["example.com/é", undefined],
    ["example.com/a b", undefined],
    [`example.com/${"a".repeat(1_024)}`, undefined],
  ];
  for (const [text, stored] of forms) {
    test(`${text.slice(0, 40)} is ${stored === undefined ? "refused" : `stored as ${stored}`}`, () => {
      if (stored === undefined) expect(() => parseRoutePattern(text)).toThrow("is not a route");
      else expect(parseRoutePattern(text)).toBe(stored);
    });
  }

  test("that the code accepts, the database accepts as well", async () => {
    await using fixture = await platform();
    const accepted = forms.flatMap(([, stored]) => stored ?? []);
    await fixture.deploy("hello", { by: fixture.operator, routes: accepted });
    expect((await listRoutes(fixture.database)).map(({ pattern }) => pattern)).toEqual(
      [...new Set(accepted)].sort(),
    );
  });
});
