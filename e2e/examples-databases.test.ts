import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Platform, startPlatform } from "./platform.ts";

// A deploy is a process that starts others, which takes its time on a busy machine.
setDefaultTimeout(60_000);

let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform();
}, 60_000);
afterAll(() => platform?.[Symbol.asyncDispose]());

/** Deploys an example, whose database has its name, and gives the database the example's schema. */
async function deploy(name: string): Promise<void> {
  await platform.deploy(`examples/${name}`);
  const schema = join(import.meta.dir, "..", "examples", name, "schema.sql");
  if (!existsSync(schema)) return;
  const { code, stderr } = await platform.ow("databases", "exec", name, "--file", schema);
  if (code !== 0) throw new Error(`ow databases exec ${name}: ${stderr}`);
}

const json = async (worker: string, path = "/", init: BunFetchRequestInit = {}): Promise<unknown> =>
  (await platform.fetch(worker, path, init)).json();

const post = (body: unknown): BunFetchRequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

test("d1 answers with the rows of a prepared statement, their names in lower case", async () => {
  await deploy("d1");
  expect(await json("d1", "/api/beverages")).toEqual([
    { customerid: 11, companyname: "Bs Beverages", contactname: "Victoria Ashworth" },
    { customerid: 13, companyname: "Bs Beverages", contactname: "Random Name" },
  ]);
});

describe("d1-hono", () => {
  beforeAll(() => deploy("d1-hono"));

  test("writes a comment and reads it", async () => {
    const path = "/api/posts/hello/comments";
    expect((await platform.fetch("d1-hono", path, post({ author: "Ada" }))).status).toBe(400);
    expect((await platform.fetch("d1-hono", path, post({ author: "Ada", body: "It's 1 ?" }))).status).toBe(
      201,
    );
    expect(await json("d1-hono", path)).toEqual([
      { id: 1, author: "Ada", body: "It's 1 ?", post_slug: "hello" },
    ]);
  });

  test("says what PostgreSQL refused, in PostgreSQL's words", async () => {
    expect(await json("d1-hono", "/query/users/1")).toEqual([{ user_id: 1, email: "ada@example.com" }]);
    expect(await json("d1-hono", "/query/users/one")).toEqual({
      err: 'D1_ERROR: invalid input syntax for type integer: "one"',
    });
  });
});

test.each(["hyperdrive-pg", "hyperdrive-postgres"])(
  "%s reads with its driver, request after request",
  async (name) => {
    await deploy(name);
    for (let turn = 0; turn < 3; turn++) {
      const { success, result } = (await json(name)) as { success: boolean; result: { tablename: string }[] };
      expect([success, result.some(({ tablename }) => tablename === "pg_class")]).toEqual([true, true]);
    }
  },
);

test("hyperdrive-drizzle inserts and selects", async () => {
  await deploy("hyperdrive-drizzle");
  const made = await platform.fetch(
    "hyperdrive-drizzle",
    "/",
    post({ name: "Grace", email: "grace@example.com" }),
  );
  expect([made.status, await made.json()]).toMatchObject([201, [{ id: 2, name: "Grace" }]]);
  expect(await json("hyperdrive-drizzle")).toMatchObject([
    { id: 1, name: "Ada" },
    { id: 2, name: "Grace" },
  ]);
});

test("hyperdrive-kysely runs a transaction, and a failed one leaves nothing", async () => {
  await deploy("hyperdrive-kysely");
  const add = async (name: string, email: string) =>
    (await platform.fetch("hyperdrive-kysely", "/", post({ name, email }))).status;
  expect(await add("Grace", "grace@example.com")).toBe(201);
  // The copy of the next has the address that Eve has: its second insert fails.
  expect(await add("Eve", "copy-of-new@example.com")).toBe(201);
  expect(await add("New", "new@example.com")).toBe(500);
  const users = (await json("hyperdrive-kysely")) as { name: string }[];
  expect(users.map(({ name }) => name)).toEqual(["Ada", "Grace", "Grace (copy)", "Eve", "Eve (copy)"]);
});
