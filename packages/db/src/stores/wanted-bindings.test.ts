import { describe, expect, test } from "bun:test";
import { type Binding, newId, type UserId, type WantedBinding } from "@openworkers/core";
import { sql } from "kysely";
import type { Database } from "../database.ts";
import { listAudit } from "./audit.ts";
import type { Deployed } from "./deploy-version.ts";
import { changeValues, listValues, type NewValue } from "./environment-values.ts";
import { ensureWorkerEnvironment } from "./environments.ts";
import { listBindings } from "./listed-bindings.ts";
import { loadProgram } from "./programs.ts";
import { createResource, deleteResource, listResources, renameResource } from "./resources.ts";
import { loadRouting } from "./routing.ts";
import { count, platform, rejection } from "./testing/fixtures.ts";
import { defaultResourceName } from "./wanted-bindings.ts";

const wanted = (bindings: Record<string, WantedBinding>) => ({ wanted: new Map(Object.entries(bindings)) });

async function granted(database: Database, { versionId, workerId }: Deployed): Promise<[string, Binding][]> {
  return [...(await loadProgram(database, versionId, workerId)).bindings];
}

async function resources(database: Database): Promise<string[]> {
  const all = [...(await listResources(database, "kv")), ...(await listResources(database, "storage"))];
  return all.map(({ name, owner }) => `${owner}: ${name}`);
}

describe("a deploy that wants bindings", () => {
  test("makes what is named without an id, for the worker's owner, and says what it has made", async () => {
    await using fixture = await platform();
    const { database, ada } = fixture;
    await fixture.deploy("shop");
    // An operator deploys Ada's worker: what is made is Ada's.
    const deployed = await fixture.deploy("shop", {
      by: fixture.operator,
      ...wanted({
        MY_KV: { kind: "kv" },
        FILES: { kind: "storage" },
        B: { kind: "storage", bucket: "pics" },
      }),
    });
    expect(deployed.bound).toMatchObject([
      { name: "MY_KV", kind: "kv", resource: "shop-my-kv", created: true },
      { name: "FILES", kind: "storage", resource: "shop-files", created: true },
      { name: "B", kind: "storage", resource: "pics", created: true },
    ]);
    expect(await resources(database)).toEqual(["ada: shop-my-kv", "ada: pics", "ada: shop-files"]);
    const [[name, binding] = []] = (await granted(database, deployed)).filter(([name]) => name === "MY_KV");
    expect([name, binding]).toEqual(["MY_KV", { kind: "kv", namespaceId: deployed.bound[0]?.id as never }]);
    expect(await listResources(database, "kv", ada)).toHaveLength(1);
  });

  test("binds the same again, also after a rename, and after a version without it", async () => {
    await using fixture = await platform();
    const { database, ada: by } = fixture;
    const deploy = () => fixture.deploy("shop", wanted({ KV: { kind: "kv" }, B: { kind: "storage" } }));
    const first = await deploy();
    await renameResource(database, "kv", { nameOrId: "shop-kv", name: "sessions", by });
    const second = await deploy();
    expect(second.bound).toMatchObject([
      { name: "KV", resource: "sessions", created: false, id: first.bound[0]?.id },
      { name: "B", resource: "shop-b", created: false, id: first.bound[1]?.id },
    ]);
    await fixture.deploy("shop");
    const third = await deploy();
    expect(third.bound).toEqual(second.bound);
    expect(await resources(database)).toHaveLength(2);
  });

  test("at the same time as others makes each resource once", async () => {
    await using fixture = await platform();
    const deployed = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        fixture.deploy(
          `shop-${index % 2}`,
          wanted({ B: { kind: "storage", bucket: "shared" }, KV: { kind: "kv" } }),
        ),
      ),
    );
    expect(new Set(deployed.map(({ bound }) => bound[0]?.id)).size).toBe(1);
    expect(await resources(fixture.database)).toEqual(["ada: shop-0-kv", "ada: shop-1-kv", "ada: shared"]);
  });

  test("binds a namespace by its id or its name, a worker by its name, itself included", async () => {
    await using fixture = await platform();
    const { database, ada } = fixture;
    const id = await createResource(database, "kv", { name: "sessions", by: ada });
    const other = await fixture.deploy("other");
    const deployed = await fixture.deploy(
      "shop",
      wanted({
        BY_ID: { kind: "kv", namespace: id },
        BY_NAME: { kind: "kv", namespace: "sessions" },
        OTHER: { kind: "worker", worker: "other", entrypoint: "Admin", props: '{"a":[1]}' },
        SELF: { kind: "worker", worker: "shop" },
        LIMITER: { kind: "rate-limit", settings: { namespace: "1", limit: 5, periodSeconds: 10 } },
        VERSION: { kind: "version-metadata" },
      }),
    );
    expect(Object.fromEntries(await granted(database, deployed))).toEqual({
      BY_ID: { kind: "kv", namespaceId: id },
      BY_NAME: { kind: "kv", namespaceId: id },
      OTHER: { kind: "worker", workerId: other.workerId, entrypoint: "Admin", props: '{"a":[1]}' },
      SELF: { kind: "worker", workerId: deployed.workerId },
      LIMITER: { kind: "rate-limit", settings: { namespace: "1", limit: 5, periodSeconds: 10 } },
      VERSION: { kind: "version-metadata" },
    });
    expect(await listBindings(database, "shop")).toMatchObject([
      { name: "BY_ID", kind: "kv", resource: "sessions", id, source: "version" },
      { name: "BY_NAME", kind: "kv", resource: "sessions" },
      { name: "LIMITER", kind: "rate-limit", settings: { limit: 5 } },
      { name: "OTHER", kind: "worker", resource: "other", entrypoint: "Admin", id: null },
      { name: "SELF", kind: "worker", resource: "shop" },
      { name: "VERSION", kind: "version-metadata", resource: null },
    ]);
  });

  const refused: [what: string, bindings: Record<string, WantedBinding>, error: Record<string, unknown>][] = [
    [
      "a namespace that is not there",
      { GOOD: { kind: "kv" }, KV: { kind: "kv", namespace: "06779da6940b431db6e566b4846d64db" } },
      {
        code: "NOT_FOUND",
        message: 'KV cannot be bound. There is no KV namespace "06779da6940b431db6e566b4846d64db".',
        hint: expect.stringContaining("ow kv create"),
      },
    ],
    [
      "a worker that is not there",
      { GOOD: { kind: "storage" }, OTHER: { kind: "worker", worker: "other" } },
      { code: "NOT_FOUND", hint: "Deploy it first: ow deploy PATH --name other" },
    ],
    [
      "a bucket whose name is none",
      { GOOD: { kind: "kv" }, B: { kind: "storage", bucket: "My_B" } },
      { code: "INVALID_NAME" },
    ],
    ["a name that is none", { GOOD: { kind: "kv" }, "A-B": { kind: "kv" } }, { code: "INVALID_INPUT" }],
    [
      "two names that would get one new namespace",
      { GOOD: { kind: "kv" }, good: { kind: "kv" } },
      {
        code: "INVALID_INPUT",
        message: 'GOOD and good would both be bound to a new KV namespace "shop-good".',
      },
    ],
  ];
  for (const [what, bindings, error] of refused) {
    test(`and ${what} is refused, and nothing is made`, async () => {
      await using fixture = await platform();
      expect(await rejection(fixture.deploy("shop", wanted(bindings)))).toMatchObject(error);
      expect(await resources(fixture.database)).toEqual([]);
      expect(await count(fixture.database, "workers")).toBe(0);
    });
  }

  test("and fails later makes nothing", async () => {
    await using fixture = await platform();
    const broken = { ...wanted({ KV: { kind: "kv" }, B: { kind: "storage" } }), routes: ["not a route"] };
    expect(await rejection(fixture.deploy("shop", broken))).toMatchObject({ code: "INVALID_INPUT" });
    expect(await resources(fixture.database)).toEqual([]);
  });
});

test("a default name is lower case with single hyphens, and fits where it must or is refused", async () => {
  expect(defaultResourceName("shop", "MY_$_KV")).toBe("shop-my-kv");
  expect(defaultResourceName("shop", "KV_")).toBe("shop-kv");
  await using fixture = await platform();
  const long = fixture.deploy("shop", wanted({ ["K".repeat(80)]: { kind: "kv" } }));
  expect(await rejection(long)).toMatchObject({ code: "INVALID_NAME" });
});

describe("bindings of an environment", () => {
  test("go before the version's, change the revision, are no values, and a value may take their place", async () => {
    await using fixture = await platform();
    const { database, ada: by } = fixture;
    const id = await createResource(database, "kv", { name: "sessions", by });
    const deployed = await fixture.deploy("shop", wanted({ KV: { kind: "kv" }, OWN: { kind: "kv" } }));
    const environmentId = await ensureWorkerEnvironment(database, { worker: "shop", by });
    const revision = async () => (await loadRouting(database)).workers[0]?.environmentRevision;
    const before = await revision();
    const change = (...set: NewValue[]) => changeValues(database, { environmentId, set, by });
    await change({ name: "KV", kind: "kv", namespace: "sessions" }, { name: "A", kind: "var", value: "1" });
    expect(await revision()).not.toBe(before);
    expect(Object.fromEntries(await granted(database, deployed))).toMatchObject({
      KV: { kind: "kv", namespaceId: id },
      OWN: { kind: "kv", namespaceId: deployed.bound[1]?.id as never },
    });
    expect((await listAudit(database, { limit: 1 }))[0]?.details).toEqual({
      set: [
        { name: "KV", kind: "kv", to: "sessions" },
        { name: "A", kind: "var" },
      ],
      unset: [],
    });
    expect((await listValues(database, environmentId)).map(({ name }) => name)).toEqual(["A"]);
    expect(await listBindings(database, "shop")).toMatchObject([
      { name: "KV", resource: "sessions", source: "environment" },
      { name: "OWN", resource: "shop-own", source: "version" },
    ]);
    await change({ name: "KV", kind: "worker", worker: "shop", entrypoint: "E", props: "[1]" });
    expect(new Map(await granted(database, deployed)).get("KV")).toMatchObject({
      kind: "worker",
      entrypoint: "E",
    });
    await change({ name: "KV", kind: "var", value: "text" });
    expect((await listValues(database, environmentId)).map(({ name }) => name)).toEqual(["A", "KV"]);
    expect(await listBindings(database, "shop")).toMatchObject([
      { name: "KV", resource: "shop-kv", source: "version" },
      { name: "OWN" },
    ]);
  });

  test("point at what is there: nothing is made", async () => {
    await using fixture = await platform();
    const { database, ada: by } = fixture;
    await fixture.deploy("shop");
    const environmentId = await ensureWorkerEnvironment(database, { worker: "shop", by });
    const wrong: NewValue[] = [
      { name: "KV", kind: "kv", namespace: "nothing" },
      { name: "B", kind: "storage", bucket: "nothing" },
      { name: "W", kind: "worker", worker: "nothing" },
    ];
    for (const value of wrong) {
      const set = [{ name: "A", kind: "var", value: "1" } as const, value];
      expect(await rejection(changeValues(database, { environmentId, set, by }))).toMatchObject({
        code: "NOT_FOUND",
      });
    }
    expect(await listValues(database, environmentId)).toEqual([]);
    expect(await resources(database)).toEqual([]);
  });
});

describe("what is another owner's", () => {
  /** Ada's namespace, bucket and worker; Bob has a worker with an environment. */
  async function attacked() {
    const fixture = await platform();
    const { database, ada, bob } = fixture;
    const kv = await createResource(database, "kv", { name: "private", by: ada });
    const bucket = await createResource(database, "storage", { name: "private", by: ada });
    const victim = await fixture.deploy("victim");
    const bobs = await fixture.deploy("bobs", { by: bob });
    const environmentId = await ensureWorkerEnvironment(database, { worker: "bobs", by: bob });
    return { ...fixture, kv, bucket, victim, bobs, environmentId };
  }

  test("is not bound by a deploy, by name, by id or already resolved, not by an operator either", async () => {
    await using fixture = await attacked();
    const { kv, bucket, victim } = fixture;
    const attempts: WantedBinding[] = [
      { kind: "kv", namespace: "private" },
      { kind: "kv", namespace: kv },
      { kind: "kv", namespace: kv.toUpperCase() },
      { kind: "worker", worker: "victim" },
    ];
    for (const by of [fixture.bob, fixture.operator]) {
      for (const attempt of attempts) {
        const thrown = await rejection(fixture.deploy("bobs", { by, ...wanted({ IT: attempt }) }));
        expect({ attempt, thrown }).toMatchObject({
          thrown: { code: attempt.kind === "worker" ? "FORBIDDEN" : "NOT_FOUND" },
        });
      }
      const resolved: Binding[] = [
        { kind: "kv", namespaceId: kv },
        { kind: "storage", bucketId: bucket },
        { kind: "worker", workerId: victim.workerId },
      ];
      for (const binding of resolved) {
        const thrown = await rejection(fixture.deploy("bobs", { by, bindings: new Map([["IT", binding]]) }));
        expect(thrown).toMatchObject({ code: "CONFLICT", details: { code: "23503" } });
      }
    }
    // A bucket of that name is made for Bob: another one.
    const own = await fixture.deploy("bobs", {
      by: fixture.bob,
      ...wanted({ B: { kind: "storage", bucket: "private" } }),
    });
    expect(own.bound[0]?.id).not.toBe(bucket);
  });

  test("is not bound by an environment, by name or by id, not by an operator either", async () => {
    await using fixture = await attacked();
    const { database, kv, bucket, environmentId } = fixture;
    const attempts: NewValue[] = [
      { name: "IT", kind: "kv", namespace: "private" },
      { name: "IT", kind: "kv", namespace: kv },
      { name: "IT", kind: "storage", bucket: "private" },
      { name: "IT", kind: "storage", bucket },
      { name: "IT", kind: "worker", worker: "victim" },
    ];
    for (const by of [fixture.bob, fixture.operator]) {
      for (const value of attempts) {
        const thrown = await rejection(changeValues(database, { environmentId, set: [value], by }));
        expect({ value, thrown }).toMatchObject({
          thrown: { code: value.kind === "worker" ? "FORBIDDEN" : "NOT_FOUND" },
        });
      }
    }
  });

  test("is not bound by rows that are written past the platform, whoever they say they belong to", async () => {
    await using fixture = await attacked();
    const { database, ada, bob, kv, bucket, victim, bobs, environmentId } = fixture;
    const columns: [string, string, string][] = [
      ["kv", "kv_namespace_id", kv],
      ["storage", "bucket_id", bucket],
      ["worker", "target_worker_id", victim.workerId],
    ];
    const run = (statement: string) =>
      rejection(database.write((transaction) => sql.raw(statement).execute(transaction)));
    for (const [kind, column, id] of columns) {
      for (const owner of [ada, bob] satisfies UserId[]) {
        const value = `insert into environment_values (environment_id, owner_id, name, kind, ${column})
          values ('${environmentId}', '${owner}', 'IT', '${kind}', '${id}')`;
        expect(await run(value)).toMatchObject({ details: { code: "23503" } });
        const version = newId<"version">();
        const bound = `with version as (
            insert into worker_versions (id, worker_id, number, compatibility_date, created_by)
            values ('${version}', '${bobs.workerId}', 99, '2026-01-01', '${bob}') returning id
          ) insert into version_bindings (version_id, worker_id, owner_id, name, kind, ${column})
          select id, '${bobs.workerId}', '${owner}', 'IT', '${kind}', '${id}' from version`;
        expect(await run(bound)).toMatchObject({ details: { code: "23503" } });
      }
    }
    await changeValues(database, { environmentId, set: [{ name: "IT", kind: "var", value: "" }], by: bob });
    const turned = `update environment_values set kind = 'kv', value = null, kv_namespace_id = '${kv}'`;
    expect(await run(turned)).toMatchObject({ details: { constraint: "environment_values_kv" } });
    // The owner of what is bound cannot be changed under it.
    await fixture.deploy("holder", { bindings: new Map([["IT", { kind: "kv", namespaceId: kv }]]) });
    expect(await run(`update kv_namespaces set owner_id = '${bob}'`)).toMatchObject({
      details: { code: "23503" },
    });
    expect(await run(`update workers set owner_id = '${bob}'`)).toMatchObject({ details: { code: "23503" } });
  });
});

test("a resource that a deploy is about to bind is not deleted under it", async () => {
  await using fixture = await platform();
  const { database, ada: by } = fixture;
  await createResource(database, "kv", { name: "contested", by });
  const outcomes = await Promise.allSettled([
    fixture.deploy("shop", wanted({ KV: { kind: "kv", namespace: "contested" } })),
    deleteResource(database, "kv", { nameOrId: "contested", by }),
  ]);
  const [deployed, deleted] = outcomes.map(({ status }) => status);
  // One of them came first, and the other was told.
  expect([deployed, deleted].sort()).toEqual(["fulfilled", "rejected"]);
  expect(await resources(database)).toHaveLength(deployed === "fulfilled" ? 1 : 0);
});
