import { describe, expect, test } from "bun:test";
import { newId } from "@openworkers/core";
import { sql } from "kysely";
import { migrate, readMigrations } from "../migrate.ts";
import { emptyTestDatabase } from "../testing.ts";
import { addDomain, listDomains, removeDomain, verifyDomain } from "./domains.ts";
import { listRoutes, setRoutes } from "./routes.ts";
import { loadRouting } from "./routing.ts";
import { platform, rejection } from "./testing/fixtures.ts";

/** Bob has claimed Ada's name first, for `squat`; hers is the worker `shop`. */
async function squatted() {
  const fixture = await platform();
  const { database, ada, bob } = fixture;
  await fixture.deploy("shop");
  await fixture.deploy("squat", { by: bob });
  await addDomain(database, { worker: "squat", hostname: "example.com", by: bob });
  const claimed = await addDomain(database, { worker: "shop", hostname: "example.com", by: ada });
  return {
    ...fixture,
    claimed,
    claims: async () =>
      (await listDomains(database)).map(({ worker, verifiedAt }) => [worker, verifiedAt !== null]),
    served: async () => (await loadRouting(database)).domains.map(({ workerId }) => workerId),
  };
}

describe("a host name that somebody has claimed and not proven", () => {
  test("is its rightful owner's as soon as that one has proven it, and the claim before is gone", async () => {
    await using fixture = await squatted();
    const { database, ada, bob, claimed } = fixture;
    expect(await fixture.claims()).toEqual([
      ["squat", false],
      ["shop", false],
    ]);
    const [squat] = await listDomains(database, "squat");
    expect(squat?.verificationToken).not.toBe(claimed.verificationToken);
    expect(await fixture.served()).toEqual([]);
    const verified = await verifyDomain(database, { hostname: "example.com", by: ada });
    expect(verified.worker).toBe("shop");
    expect(await fixture.claims()).toEqual([["shop", true]]);
    expect(await fixture.served()).toEqual([claimed.workerId]);
    const again = addDomain(database, { worker: "squat", hostname: "example.com", by: bob });
    expect(await rejection(again)).toMatchObject({ code: "CONFLICT" });
  });

  test("is not one claimant's to prove or to remove for another", async () => {
    await using fixture = await squatted();
    const { database, bob } = fixture;
    const asShop = verifyDomain(database, { hostname: "example.com", worker: "shop", by: bob });
    expect(await rejection(asShop)).toMatchObject({ code: "CONFLICT" });
    await removeDomain(database, { hostname: "example.com", by: bob });
    expect(await fixture.claims()).toEqual([["shop", false]]);
    expect(await rejection(removeDomain(database, { hostname: "example.com", by: bob }))).toMatchObject({
      code: "FORBIDDEN",
    });
  });

  test("is an operator's to give, who says to which worker", async () => {
    await using fixture = await squatted();
    const { database, operator } = fixture;
    const either = verifyDomain(database, { hostname: "example.com", by: operator });
    expect(await rejection(either)).toMatchObject({
      code: "CONFLICT",
      message: "Several workers claim example.com: squat, shop.",
    });
    await addDomain(database, { worker: "shop", hostname: "example.com", by: operator });
    expect(await fixture.claims()).toEqual([["shop", true]]);
  });

  test("is one worker's alone when two prove it at the same moment", async () => {
    await using fixture = await squatted();
    const { database, ada, bob } = fixture;
    const results = await Promise.allSettled([
      verifyDomain(database, { hostname: "example.com", worker: "shop", by: ada }),
      verifyDomain(database, { hostname: "example.com", worker: "squat", by: bob }),
    ]);
    const lost = results.filter(({ status }) => status === "rejected");
    expect(lost.map((one) => "reason" in one && one.reason.code)).toEqual([
      expect.stringMatching(/^(CONFLICT|FORBIDDEN)$/),
    ]);
    expect((await fixture.claims()).filter(([, verified]) => verified)).toHaveLength(1);
    expect(await fixture.served()).toHaveLength(1);
  });

  test("carries no route before, and after it those of its owner alone", async () => {
    await using fixture = await squatted();
    const { database, ada, bob } = fixture;
    const route = (worker: string, by: typeof ada) =>
      setRoutes(database, { worker, patterns: ["example.com/api/*"], by });
    expect(await rejection(route("squat", bob))).toMatchObject({ code: "FORBIDDEN" });
    await verifyDomain(database, { hostname: "example.com", by: ada });
    expect(await rejection(route("squat", bob))).toMatchObject({ code: "FORBIDDEN" });
    await route("shop", ada);
    await removeDomain(database, { hostname: "example.com", by: ada });
    expect(await listRoutes(database, "shop")).toEqual([]);
  });
});

test("domains and routes of the releases before stay as they were", async () => {
  await using fixture = await emptyTestDatabase();
  const { database } = fixture;
  const all = await readMigrations();
  await migrate(
    database,
    all.filter(({ name }) => name < "0017"),
  );
  const [ada, shop, other] = [newId(), newId(), newId()];
  await database.write(async (transaction) => {
    for (const statement of [
      sql`insert into users (id, name) values (${ada}, 'ada')`,
      sql`insert into workers (id, name, owner_id) values (${shop}, 'shop', ${ada}), (${other}, 'other', ${ada})`,
      sql`insert into domains values ('example.com', ${shop}, 'a', now()), ('early.example', ${shop}, 'b', null)`,
      sql`insert into routes (pattern, worker_id, domain)
          values ('example.com/*', ${other}, 'example.com'), ('given.example/*', ${other}, null)`,
    ]) {
      await statement.execute(transaction);
    }
  });
  await migrate(database);
  expect(await listDomains(database)).toMatchObject([
    { hostname: "early.example", worker: "shop", verifiedAt: null, verificationToken: "b" },
    { hostname: "example.com", worker: "shop", verifiedAt: expect.any(Date), verificationToken: "a" },
  ]);
  expect(await listRoutes(database, "other")).toHaveLength(2);
  await database.write(async (transaction) => {
    await transaction.deleteFrom("domains").where("hostname", "=", "example.com").execute();
  });
  expect((await listRoutes(database, "other")).map(({ pattern }) => pattern)).toEqual(["given.example/*"]);
});
