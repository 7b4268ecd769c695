import { describe, expect, test } from "bun:test";
import { addDomain, removeDomain, verifyDomain } from "./domains.ts";
import { listRoutes, setRoutes } from "./routes.ts";
import { loadRouting } from "./routing.ts";
import { platform, rejection } from "./testing/fixtures.ts";

/** Ada's worker `shop` has the verified domain example.com; Bob's worker is `rival`. */
async function neighbours() {
  const fixture = await platform();
  const { database, ada, bob } = fixture;
  await fixture.deploy("shop");
  await fixture.deploy("rival", { by: bob });
  await addDomain(database, { worker: "shop", hostname: "example.com", by: ada });
  await verifyDomain(database, { hostname: "example.com", by: ada });
  return {
    ...fixture,
    route: (worker: string, by: typeof ada, ...patterns: string[]) =>
      setRoutes(database, { worker, patterns, by }),
    routed: async () => (await loadRouting(database)).routes.map(({ pattern }) => pattern),
  };
}

describe("a route", () => {
  const stolen = [
    "example.com/checkout/*",
    "*.example.com/*",
    "shop.example.com/",
    "unclaimed.example/*",
    "*.com/*",
    "EXAMPLE.com/x",
  ];
  test("on a host that is not its owner's is refused, by itself and in a deploy", async () => {
    await using fixture = await neighbours();
    for (const pattern of stolen) {
      const forbidden = { code: "FORBIDDEN" };
      expect(await rejection(fixture.route("rival", fixture.bob, pattern))).toMatchObject(forbidden);
      const deploy = fixture.deploy("rival", { by: fixture.bob, routes: [pattern] });
      expect(await rejection(deploy)).toMatchObject(forbidden);
    }
    expect(await fixture.routed()).toEqual([]);
  });

  test("on a domain that was claimed and not verified is refused", async () => {
    await using fixture = await neighbours();
    await addDomain(fixture.database, { worker: "rival", hostname: "bobs.example", by: fixture.bob });
    const early = fixture.route("rival", fixture.bob, "bobs.example/*");
    expect(await rejection(early)).toMatchObject({ code: "FORBIDDEN" });
    await verifyDomain(fixture.database, { hostname: "bobs.example", by: fixture.bob });
    await fixture.route("rival", fixture.bob, "bobs.example/*");
    expect(await fixture.routed()).toEqual(["bobs.example/*"]);
  });

  test("may lead from an owner's domain to any worker of that owner, and from the hosts below it", async () => {
    await using fixture = await neighbours();
    await fixture.deploy("orders");
    await fixture.route("orders", fixture.ada, "example.com/api/*", "*.example.com/*");
    expect(await fixture.routed()).toEqual(["*.example.com/*", "example.com/api/*"]);
    const below = fixture.route("orders", fixture.ada, "deep.example.com/*");
    expect(await rejection(below)).toMatchObject({ code: "FORBIDDEN" });
  });

  test("goes with the domain that it rests on, so that the next owner of the name has all of it", async () => {
    await using fixture = await neighbours();
    await fixture.deploy("orders");
    await fixture.route("orders", fixture.ada, "example.com/api/*", "*.example.com/*");
    await removeDomain(fixture.database, { hostname: "example.com", by: fixture.ada });
    expect(await fixture.routed()).toEqual([]);
    await addDomain(fixture.database, { worker: "rival", hostname: "example.com", by: fixture.bob });
    await verifyDomain(fixture.database, { hostname: "example.com", by: fixture.bob });
    await fixture.route("rival", fixture.bob, "example.com/api/*");
    expect(await fixture.routed()).toEqual(["example.com/api/*"]);
  });

  test("is an operator's to give, on any host; its worker's owner keeps it through deploys, and may drop it", async () => {
    await using fixture = await neighbours();
    await fixture.route("rival", fixture.operator, "given.example/*");
    await fixture.deploy("rival", { by: fixture.bob, routes: ["given.example/*"] });
    expect(await listRoutes(fixture.database, "rival")).toHaveLength(1);
    await fixture.deploy("rival", { by: fixture.bob, routes: [] });
    const again = fixture.route("rival", fixture.bob, "given.example/*");
    expect(await rejection(again)).toMatchObject({ code: "FORBIDDEN" });
  });
});
