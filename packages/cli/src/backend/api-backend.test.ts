import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { queueConsumerSettings } from "@openworkers/core";
import { type ApiPlatform, apiPlatform, checkCells } from "../testing/api-platform.ts";
import { ApiBackend } from "./api-backend.ts";
import type { Backend } from "./backend.ts";
import { backendContract, codeOf, input } from "./contract/mod.ts";

let cells: Awaited<ReturnType<typeof checkCells>>;
beforeAll(async () => {
  cells = await checkCells();
}, 60_000);
afterAll(() => cells[Symbol.asyncDispose]());

backendContract("a backend through the API", async () => {
  const platform = await apiPlatform(cells);
  return {
    backend: new ApiBackend({ client: await platform.person("ada") }),
    database: platform.database,
    operator: false,
    async [Symbol.asyncDispose]() {
      // What goes wrong inside is told to nobody else.
      expect(platform.reports).toEqual([]);
      await platform[Symbol.asyncDispose]();
    },
  };
});

describe("two people on one platform", () => {
  let platform: ApiPlatform;
  let ada: Backend;
  let bob: Backend;
  beforeAll(async () => {
    platform = await apiPlatform(cells);
    ada = new ApiBackend({ client: await platform.person("ada") });
    bob = new ApiBackend({ client: await platform.person("bob") });
    await ada.deploy(input({ worker: "hers", environmentVars: new Map([["A", "1"]]) }));
    await ada.createKvNamespace("pairs");
    await ada.createBucket("files");
    await ada.queues.create("orders");
    await ada.databases.create({ name: "shop", limits: {} });
    await ada.addDomain("hers", "hers.example.com");
  }, 60_000);
  afterAll(() => platform[Symbol.asyncDispose]());

  test("list only what is their own", async () => {
    const lists = async (backend: Backend) => [
      (await backend.workers()).length,
      (await backend.kvNamespaces()).length,
      (await backend.buckets()).length,
      (await backend.queues.list()).length,
      (await backend.databases.list()).length,
      (await backend.domains()).length,
    ];
    expect(await lists(ada)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(await lists(bob)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(JSON.stringify(await bob.audit(100))).not.toContain("hers");
  });

  test("find nothing of each other's, by name or by id, to read or to change", async () => {
    const [kv] = await ada.kvNamespaces();
    const [bucket] = await ada.buckets();
    const [queue] = await ada.queues.list();
    const [database] = await ada.databases.list();
    const attempts: Record<string, () => Promise<unknown>> = {
      worker: () => bob.worker("hers"),
      versions: () => bob.versions("hers"),
      deployments: () => bob.deployments("hers"),
      rollback: () => bob.createDeployment("hers", [{ version: 1, percent: 100 }]),
      values: () => bob.values("hers"),
      setVars: () => bob.setVars("hers", new Map([["A", "2"]])),
      setSecrets: () => bob.setSecrets("hers", new Map([["S", "2"]])),
      bindings: () => bob.bindings("hers"),
      logToken: async () => bob.createLogToken(await ada.workerId("hers")),
      retention: () => bob.setLogRetention("hers", 1),
      delete: () => bob.deleteWorker("hers"),
      cron: () => bob.crons.add({ worker: "hers", expression: "* * * * *", policy: {} }),
      domain: () => bob.addDomain("hers", "bob.example.com"),
      removeDomain: () => bob.removeDomain("hers.example.com"),
      ...Object.fromEntries(
        [kv?.id ?? "", "pairs"].flatMap((which) => [
          [`kv ${which}`, () => bob.kv(which)],
          [`delete kv ${which}`, () => bob.deleteKvNamespace(which)],
        ]),
      ),
      ...Object.fromEntries(
        [bucket?.id ?? "", "files"].flatMap((which) => [
          [`bucket ${which}`, () => bob.bucket(which)],
          [`delete bucket ${which}`, () => bob.deleteBucket(which)],
        ]),
      ),
      ...Object.fromEntries(
        [queue?.id ?? "", "orders"].flatMap((which) => [
          [`queue ${which}`, () => bob.queues.get(which)],
          [`pause ${which}`, () => bob.queues.pause(which, true)],
          [`purge ${which}`, () => bob.queues.purge(which)],
          [`consume ${which}`, () => bob.queues.setConsumer(which, "hers", queueConsumerSettings({}))],
        ]),
      ),
      ...Object.fromEntries(
        [database?.id ?? "", "shop"].flatMap((which) => [
          [`database ${which}`, () => bob.databases.get(which)],
          [`token ${which}`, () => bob.databases.createToken(which, { name: "t", scope: "owner" })],
          [`delete database ${which}`, () => bob.databases.delete(which, { keepDump: false })],
          [`fork ${which}`, () => bob.databases.create({ name: "mine", limits: {}, fork: which })],
        ]),
      ),
    };
    const codes: Record<string, string> = {};
    for (const [name, attempt] of Object.entries(attempts)) codes[name] = await codeOf(attempt());
    expect(codes).toEqual(Object.fromEntries(Object.keys(attempts).map((name) => [name, "NOT_FOUND"])));
    expect(await ada.values("hers")).toMatchObject([{ name: "A", value: "1" }]);
    expect((await ada.queues.get("orders")).paused).toBe(false);
  });

  test("cannot take a worker's name that is taken, nor bind what is the other's", async () => {
    expect(["CONFLICT", "FORBIDDEN"]).toContain(await codeOf(bob.deploy(input({ worker: "hers" }))));
    await bob.deploy(input({ worker: "his" }));
    const [kv] = await ada.kvNamespaces();
    const bind = bob.addBindings("his", new Map([["KV", { kind: "kv", namespace: kv?.id ?? "" } as const]]));
    expect(["NOT_FOUND", "FORBIDDEN"]).toContain(await codeOf(bind));
    expect((await ada.versions("hers")).length).toBe(1);
  });
});

test("what only an operator may do is refused in a sentence that says what it takes", async () => {
  await using platform = await apiPlatform(cells);
  const backend = new ApiBackend({ client: await platform.person("ada") });
  for (const refused of [
    () => backend.rotateKey(),
    () => backend.createLogToken(undefined),
    () => backend.databases.dumps(),
    () => backend.verifyDomain("shop.example.com", { trust: true }),
  ])
    await expect(refused()).rejects.toMatchObject({
      code: "FORBIDDEN",
      message: expect.stringContaining("needs direct access to the platform's database"),
    });
});
