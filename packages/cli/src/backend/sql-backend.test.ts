import { afterEach, beforeEach, expect, test } from "bun:test";
import { addDomain, createUser, deployVersion, registerSealingKey, SecretKeys } from "@openworkers/db";
import { type TestDatabase, withTestDatabase } from "@openworkers/db/testing";
import { type TestFolder, testFolder } from "../testing/files.ts";
import { type TxtAnswer, txtServer } from "../testing/txt-server.ts";
import { backendContract, codeOf, emptyCode, input } from "./contract/mod.ts";
import { SqlBackend } from "./sql-backend.ts";

/** An empty platform with a key for its secrets. */
async function platform(): Promise<
  AsyncDisposable & { readonly databases: TestDatabase; readonly data: TestFolder }
> {
  await using parts = new AsyncDisposableStack();
  const databases = parts.use(await withTestDatabase());
  const data = parts.use(await testFolder());
  const keys = await SecretKeys.load({ secretKey: undefined, directory: data.path });
  await registerSealingKey(databases.database, keys);
  const held = parts.move();
  return { databases, data, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

backendContract("a backend by direct SQL", async () => {
  const { databases, data, ...held } = await platform();
  return {
    backend: new SqlBackend(databases.database, data.path),
    database: databases.database,
    operator: true,
    [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
  };
});

let parts: Awaited<ReturnType<typeof platform>>;
beforeEach(async () => {
  parts = await platform();
});
afterEach(() => parts[Symbol.asyncDispose]());

test("values sealed with an old key are sealed with the new one after a rotation", async () => {
  const backend = new SqlBackend(parts.databases.database, parts.data.path);
  await backend.deploy(input());
  await backend.setSecrets("hello", new Map([["A", "1"]]));
  expect((await backend.rotateKey()).values).toBe(1);
  const elsewhere = new SqlBackend(parts.databases.database, undefined);
  expect(await codeOf(elsewhere.rotateKey())).toBe("SECRET_UNREADABLE");
});

test("a domain that its owner has not proven is served from its TXT record on, and not before", async () => {
  const { database } = parts.databases;
  const { id: by } = await createUser(database, "ada");
  await deployVersion(database, { worker: "adas", by, code: emptyCode });
  const { verificationToken } = await addDomain(database, {
    worker: "adas",
    hostname: "shop.example.com",
    by,
  });
  let says: TxtAnswer = [];
  await using server = await txtServer(() => says);
  const asking = new SqlBackend(database, parts.data.path, { dns: server.resolver });
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

test("a domain is the worker's whose token is in DNS, whoever claimed it first", async () => {
  const { database } = parts.databases;
  const claim = async (user: string, worker: string) => {
    const { id: by } = await createUser(database, user);
    await deployVersion(database, { worker, by, code: input().code });
    return await addDomain(database, { worker, hostname: "wanted.example.com", by });
  };
  await claim("squatter", "squat");
  const { verificationToken } = await claim("rightful", "rightful");
  let says: TxtAnswer = [];
  await using server = await txtServer(() => says);
  const asking = new SqlBackend(database, parts.data.path, { dns: server.resolver });
  const verify = (trust: boolean) => asking.verifyDomain("wanted.example.com", { trust });
  expect(await codeOf(verify(false))).toBe("FORBIDDEN");
  // Whose it is to be, nobody has said.
  expect(await codeOf(verify(true))).toBe("CONFLICT");
  says = [[verificationToken]];
  expect(await verify(false)).toMatchObject({ worker: "rightful", verified: true });
  expect(await asking.domains("squat")).toEqual([]);
});
