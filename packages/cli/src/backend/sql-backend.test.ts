import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { isOpenWorkersError, type WorkerCode } from "@openworkers/core";
import {
  addDomain,
  createUser,
  deployVersion,
  listEnvironments,
  registerSealingKey,
  SecretKeys,
} from "@openworkers/db";
import { type TestDatabase, withTestDatabase } from "@openworkers/db/testing";
import { type TestFolder, testFolder } from "../testing/files.ts";
import { type TxtAnswer, txtServer } from "../testing/txt-server.ts";
import type { DeployInput } from "./backend.ts";
import { SqlBackend } from "./sql-backend.ts";

let databases: TestDatabase;
let data: TestFolder;
let backend: SqlBackend;

beforeEach(async () => {
  databases = await withTestDatabase();
  data = await testFolder();
  const keys = await SecretKeys.load({ secretKey: undefined, directory: data.path });
  await registerSealingKey(databases.database, keys);
  backend = new SqlBackend(databases.database, data.path);
});
afterEach(async () => {
  await databases[Symbol.asyncDispose]();
  await data[Symbol.asyncDispose]();
});

function input(extra: Partial<DeployInput> = {}): DeployInput {
  const code: WorkerCode = {
    modules: [{ name: "index.js", type: "esModule", content: new TextEncoder().encode("export default {}") }],
    compatibilityDate: "2026-11-01",
    compatibilityFlags: [],
    sourceMaps: new Map(),
  };
  return {
    ...{ worker: "hello", code, vars: new Map(), bindings: new Map(), limits: {}, domains: [], percent: 100 },
    ...extra,
  };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const thrown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isOpenWorkersError(thrown)) throw new Error(`expected an OpenWorkersError, got ${thrown}`);
  return thrown.code;
}

describe("a deploy", () => {
  test("makes version after version, and a share leaves the rest with what was live", async () => {
    expect((await backend.deploy(input())).version).toBe(1);
    expect((await backend.deploy(input({ percent: 25, message: "careful" }))).version).toBe(2);
    const [live] = await backend.deployments("hello");
    expect(live?.shares).toEqual([
      { version: 1, percent: 75 },
      { version: 2, percent: 25 },
    ]);
    expect(
      (await backend.versions("hello")).map(({ version, percent, message }) => [version, percent, message]),
    ).toEqual([
      [2, 25, "careful"],
      [1, 75, undefined],
    ]);
  });

  test("with values gives a new worker its environment before it is live", async () => {
    const vars = new Map([
      ["A", "plain"],
      ["BOTH", "must not be seen"],
    ]);
    const secrets = new Map([
      ["TOKEN", "s3cret"],
      ["BOTH", "s3cret"],
    ]);
    await backend.deploy(input({ environmentVars: vars, environmentSecrets: secrets }));
    const values = await backend.values("hello");
    expect(values.map(({ name, kind, value }) => [name, kind, value])).toEqual([
      ["A", "var", "plain"],
      ["BOTH", "secret", undefined],
      ["TOKEN", "secret", undefined],
    ]);
    expect(JSON.stringify([values, await backend.worker("hello"), await backend.audit(100)])).not.toContain(
      "s3cret",
    );
  });

  test("that fails leaves no environment of a worker that never was", async () => {
    const broken = input({ environmentVars: new Map([["A", "1"]]), routes: ["not a route"] });
    expect(await codeOf(backend.deploy(broken))).toBe("INVALID_INPUT");
    expect(await listEnvironments(databases.database)).toEqual([]);
    expect(await backend.workers()).toEqual([]);
  });

  test("keeps routes that the manifest says nothing about and replaces those it names", async () => {
    await backend.deploy(input({ routes: ["example.com/a/*"], domains: ["hello.example.com"] }));
    await backend.deploy(input());
    expect((await backend.worker("hello")).routes).toEqual(["example.com/a/*"]);
    await backend.deploy(input({ routes: [] }));
    const worker = await backend.worker("hello");
    expect([worker.routes, worker.domains.map(({ hostname }) => hostname)]).toEqual([
      [],
      ["hello.example.com"],
    ]);
  });
});

describe("bindings", () => {
  const kv = new Map([["KV", { kind: "kv" } as const]]);

  test("of a manifest are made once, told at the deploy, and listed", async () => {
    const [first] = (await backend.deploy(input({ bindings: kv }))).bindings;
    expect(first).toMatchObject({ name: "KV", resource: "hello-kv", created: true });
    const [second] = (await backend.deploy(input({ bindings: kv }))).bindings;
    expect(second).toMatchObject({ id: first?.id, created: false });
    const listed = [{ name: "KV", kind: "kv", resource: "hello-kv", source: "version" }];
    expect(await backend.bindings("hello")).toMatchObject(listed);
    expect((await backend.worker("hello")).bindings).toMatchObject(listed);
  });

  test("of the environment go before them, are no values, and give way when they are removed", async () => {
    await backend.deploy(input({ bindings: kv }));
    await backend.setVars("hello", new Map([["A", "1"]]));
    await backend.addBindings(
      "hello",
      new Map([
        ["KV", { kind: "worker", worker: "hello" } as const],
        ["MORE", { kind: "kv", namespace: "hello-kv" } as const],
      ]),
    );
    expect(await backend.bindings("hello")).toMatchObject([
      { name: "KV", kind: "worker", resource: "hello", source: "environment" },
      { name: "MORE", kind: "kv", resource: "hello-kv", source: "environment" },
    ]);
    expect((await backend.values("hello")).map(({ name }) => name)).toEqual(["A"]);
    expect(await backend.unset("hello", "var", ["KV", "MORE"])).toEqual([]);
    expect(await backend.removeBindings("hello", ["A", "KV", "MORE", "NONE"])).toEqual(["KV", "MORE"]);
    expect(await backend.bindings("hello")).toMatchObject([{ name: "KV", kind: "kv", source: "version" }]);
    expect((await backend.values("hello")).map(({ name }) => name)).toEqual(["A"]);
  });

  test("to what is not there, or of a worker that is not, are an error", async () => {
    await backend.deploy(input());
    const add = (worker: string, namespace: string) =>
      backend.addBindings(worker, new Map([["KV", { kind: "kv", namespace } as const]]));
    expect(await codeOf(add("hello", "nothing"))).toBe("NOT_FOUND");
    expect(await codeOf(add("nobody", "nothing"))).toBe("NOT_FOUND");
    expect(await codeOf(backend.bindings("nobody"))).toBe("NOT_FOUND");
    expect(await backend.bindings("nobody", { missingIsEmpty: true })).toEqual([]);
    expect(await backend.bindings("hello")).toEqual([]);
  });
});

describe("values", () => {
  test("of one kind are not removed as the other", async () => {
    await backend.deploy(input());
    await backend.setVars("hello", new Map([["A", "1"]]));
    await backend.setSecrets("hello", new Map([["B", "2"]]));
    expect(await backend.unset("hello", "secret", ["A", "B", "C"])).toEqual(["B"]);
    expect((await backend.values("hello")).map(({ name }) => name)).toEqual(["A"]);
  });

  test("of a worker that is not there are an error, or none where that is expected", async () => {
    expect(await codeOf(backend.values("nobody"))).toBe("NOT_FOUND");
    expect(await codeOf(backend.setVars("nobody", new Map([["A", "1"]])))).toBe("NOT_FOUND");
    expect(await backend.values("nobody", { missingIsEmpty: true })).toEqual([]);
  });

  test("sealed with an old key are sealed with the new one after a rotation", async () => {
    await backend.deploy(input());
    await backend.setSecrets("hello", new Map([["A", "1"]]));
    expect((await backend.rotateKey()).values).toBe(1);
    const elsewhere = new SqlBackend(databases.database, undefined);
    expect(await codeOf(elsewhere.rotateKey())).toBe("SECRET_UNREADABLE");
  });
});

test("a deleted worker takes its environment with it, unless another worker uses it", async () => {
  await backend.deploy(input({ environmentVars: new Map([["A", "1"]]) }));
  await backend.deleteWorker("hello");
  expect(await codeOf(backend.worker("hello"))).toBe("NOT_FOUND");
  expect(await listEnvironments(databases.database)).toEqual([]);
  expect((await backend.deploy(input())).version).toBe(1);
  expect(await backend.values("hello")).toEqual([]);
});

test("a rollback to shares that are not 100 in all is refused", async () => {
  await backend.deploy(input());
  expect(await codeOf(backend.createDeployment("hello", [{ version: 1, percent: 90 }]))).toBe(
    "INVALID_INPUT",
  );
  expect(await codeOf(backend.createDeployment("hello", [{ version: 7, percent: 100 }]))).toBe("NOT_FOUND");
});

test("a domain is added, listed by worker, verified on trust and removed", async () => {
  await backend.deploy(input());
  await backend.addDomain("hello", "Shop.Example.com");
  expect((await backend.domains("hello")).map(({ hostname, verified }) => [hostname, verified])).toEqual([
    ["shop.example.com", true],
  ]);
  expect((await backend.verifyDomain("shop.example.com", { trust: true })).verified).toBe(true);
  await backend.removeDomain("shop.example.com");
  expect(await backend.domains()).toEqual([]);
  expect(await codeOf(backend.verifyDomain("shop.example.com", { trust: true }))).toBe("NOT_FOUND");
});

test("a domain that its owner has not proven is served from its TXT record on, and not before", async () => {
  const { database } = databases;
  const { id: by } = await createUser(database, "ada");
  await deployVersion(database, { worker: "adas", by, code: input().code });
  const { verificationToken } = await addDomain(database, {
    worker: "adas",
    hostname: "shop.example.com",
    by,
  });
  let says: TxtAnswer = [];
  await using server = await txtServer(() => says);
  const asking = new SqlBackend(database, data.path, { dns: server.resolver });
  const verify = () => asking.verifyDomain("Shop.Example.com", { trust: false });
  const isVerified = async () => (await asking.domains("adas")).map(({ verified }) => verified);
  const refusals: [TxtAnswer, string][] = [
    [[], "FORBIDDEN"],
    ["no such name", "FORBIDDEN"],
    [[["v=spf1 -all"], [`${verificationToken}x`], [""]], "FORBIDDEN"],
    [[[verificationToken.slice(0, -1)]], "FORBIDDEN"],
    [[[verificationToken.toUpperCase()]], "FORBIDDEN"],
    ["failed", "NOT_FOUND"],
    ["silence", "NOT_FOUND"],
  ];
  for (const [answer, code] of refusals) {
    says = answer;
    expect({ answer, code: await codeOf(verify()) }).toEqual({ answer, code });
    expect(await isVerified()).toEqual([false]);
  }
  says = [["v=spf1 -all"], [verificationToken]];
  expect(await verify()).toMatchObject({ hostname: "shop.example.com", worker: "adas", verified: true });
  expect(await isVerified()).toEqual([true]);
  expect(new Set(server.asked)).toEqual(new Set(["_openworkers.shop.example.com"]));
  // Proven once, it is not asked for again.
  const before = server.asked.length;
  says = "failed";
  expect((await verify()).verified).toBe(true);
  expect(server.asked).toHaveLength(before);
});
