import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Binding } from "@openworkers/core";
import { unversioned } from "@openworkers/runner";
import { type DatabaseCells, databaseCells } from "@openworkers/runner/testing";
import { loadProject } from "../manifest/project.ts";
import { bundleProject } from "./bundle.ts";

let fixture: DatabaseCells;
beforeAll(async () => {
  fixture = await databaseCells();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const examples = join(import.meta.dir, "../../../../examples");

/** The example's worker in a cell, bundled as a deploy does it, over a database with the example's schema. */
async function start(name: string, binding: string, kind: "database" | "hyperdrive") {
  const schema = join(examples, name, "schema.sql");
  if (await Bun.file(schema).exists()) {
    await fixture.postgres.query("drop table if exists users, comments, customers cascade");
    await fixture.postgres.query(readFileSync(schema, "utf8"));
  }
  const { code } = await bundleProject(await loadProject(join(examples, name), { name }));
  const bindings = new Map<string, Binding>([[binding, { kind, databaseId: fixture.gateway.databaseId }]]);
  return await fixture.cells.cells.start({ code, env: new Map(), bindings, version: unversioned });
}

const post = (body: unknown) => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

test("d1 answers with the rows of a prepared statement, their names in lower case", async () => {
  await using cell = await start("d1", "prod_d1_tutorial", "database");
  expect(await (await cell.fetch("/api/beverages")).json()).toEqual([
    { customerid: 11, companyname: "Bs Beverages", contactname: "Victoria Ashworth" },
    { customerid: 13, companyname: "Bs Beverages", contactname: "Random Name" },
  ]);
});

test("d1-hono writes and reads, and tells of an error", async () => {
  await using cell = await start("d1-hono", "DB", "database");
  expect(await (await cell.fetch("/query/users/1")).json()).toEqual([
    { user_id: 1, email: "ada@example.com" },
  ]);
  const wrong = await cell.fetch("/query/users/one");
  expect([wrong.status, await wrong.json()]).toEqual([
    500,
    { err: 'D1_ERROR: invalid input syntax for type integer: "one"' },
  ]);
  const path = "/api/posts/hello/comments";
  expect((await cell.fetch(path, post({ author: "Ada" }))).status).toBe(400);
  expect((await cell.fetch(path, post({ author: "Ada", body: "It's 1 ?" }))).status).toBe(201);
  expect(await (await cell.fetch(path)).json()).toEqual([
    { id: 1, author: "Ada", body: "It's 1 ?", post_slug: "hello" },
  ]);
});

test.each(["hyperdrive-pg", "hyperdrive-postgres"])(
  "%s reads with its driver, request after request",
  async (name) => {
    await using cell = await start(name, "HYPERDRIVE", "hyperdrive");
    for (let turn = 0; turn < 3; turn++) {
      const { success, result } = (await (await cell.fetch()).json()) as {
        success: boolean;
        result: { tablename: string }[];
      };
      expect([success, result.some(({ tablename }) => tablename === "pg_class")]).toEqual([true, true]);
    }
    const together = await Promise.all(Array.from({ length: 10 }, () => cell.fetch()));
    expect(together.map(({ status }) => status)).toEqual(Array(10).fill(200));
  },
);

test("hyperdrive-drizzle inserts and selects", async () => {
  await using cell = await start("hyperdrive-drizzle", "HYPERDRIVE", "hyperdrive");
  const made = await cell.fetch("/", post({ name: "Grace", email: "grace@example.com" }));
  expect([made.status, await made.json()]).toEqual([
    201,
    [{ id: 2, name: "Grace", email: "grace@example.com", createdAt: expect.stringMatching(/^\d{4}-.*Z$/) }],
  ]);
  expect(await (await cell.fetch()).json()).toEqual([
    expect.objectContaining({ id: 1, name: "Ada" }),
    expect.objectContaining({ id: 2, name: "Grace" }),
  ]);
});

test("hyperdrive-kysely runs a transaction, and a failed one leaves nothing", async () => {
  await using cell = await start("hyperdrive-kysely", "HYPERDRIVE", "hyperdrive");
  const made = await cell.fetch("/", post({ name: "Grace", email: "grace@example.com" }));
  expect([made.status, await made.json()]).toMatchObject([201, { id: 2, name: "Grace" }]);
  // The copy's address is taken: the second insert fails.
  await fixture.postgres.query("insert into users (name, email) values ('Eve', 'copy-of-new@example.com')");
  expect((await cell.fetch("/", post({ name: "New", email: "new@example.com" }))).status).toBe(500);
  const users = (await (await cell.fetch()).json()) as { name: string }[];
  expect(users.map(({ name }) => name)).toEqual(["Ada", "Grace", "Grace (copy)", "Eve"]);
});
