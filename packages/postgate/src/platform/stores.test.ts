import { afterAll, beforeAll, expect, test } from "bun:test";
import { TestPlatform } from "./testing/platform.ts";
import { addRecords, makeWorld, readWorld, unmakeWorld, type World } from "./testing/world.ts";

let platform: TestPlatform;
let anns: World;
let bobs: World;

beforeAll(async () => {
  platform = await TestPlatform.start();
});
afterAll(() => platform[Symbol.asyncDispose]());

test("the stores make everything for a caller, and show them theirs alone", async () => {
  const { open, ann, bob, database } = platform;
  bobs = await makeWorld(database, bob, database);
  await addRecords(database, bob.id, bobs, bob.name);
  anns = await makeWorld(open.as(ann), ann, database);
  const seen = await readWorld(open.as(ann), ann, anns);
  expect(JSON.stringify(seen)).toContain("value of ann");
  expect(JSON.stringify(seen)).not.toContain("bob");
  // The owner of the tables sees as much of Ann's as she does, but for what is listed without saying whose.
  const versions = (all: unknown) => (Array.isArray(all) ? all[0] : undefined);
  expect(versions(seen)).toEqual(versions(await readWorld(database, ann, anns)));
});

test("the stores change and delete everything for a caller, and nothing of others", async () => {
  const { open, ann, bob, database } = platform;
  const before = JSON.stringify(await readWorld(open.as(bob), bob, bobs));
  await unmakeWorld(open.as(ann), ann, anns);
  expect(JSON.stringify(await readWorld(open.as(bob), bob, bobs))).toBe(before);
  await unmakeWorld(open.as(bob), bob, bobs);
  expect(await database.kysely.selectFrom("workers").select("name").execute()).toEqual([]);
});
