import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type Binding, newId } from "@openworkers/core";
import { type TestDatabase, withTestDatabase } from "@openworkers/db/testing";
import { Client } from "pg";
import { type BindingCells, bindingCells, type Inside } from "../testing/binding-cells.ts";
import { type TestGateway, testGateway } from "./testing/test-gateway.ts";

let fixture: TestDatabase;
let gateway: TestGateway;
let cells: BindingCells;
let postgres: Client;
let binding: Binding;
beforeAll(async () => {
  fixture = await withTestDatabase();
  gateway = testGateway({ connectionString: fixture.url });
  cells = await bindingCells(fixture.database, { databases: gateway });
  postgres = new Client({ connectionString: fixture.url });
  await postgres.connect();
  binding = { kind: "database", databaseId: gateway.databaseId };
});
afterAll(async () => {
  await postgres.end();
  await cells[Symbol.asyncDispose]();
  await fixture[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await postgres.query("drop schema if exists shop cascade; create schema shop");
  await postgres.query(
    "create table shop.customers (id int primary key, name text not null, email text unique); insert into shop.customers values (1, 'Ada', 'ada@example.com'), (2, 'Grace', null)",
  );
});

/** What the cell runs: it has the types of the binding, and no more than its arguments. */
type WithDatabase = (env: { DB: D1Database }, request: Request) => unknown;
type D1Database = import("@openworkers/worker-types").D1Database;
const run = (inside: WithDatabase) => cells.run({ DB: binding }, inside as Inside);

test("a", async () => {
  expect(
    await run(async ({ DB }: any) => {
      const r = await DB.prepare("select * from shop.customers where id > ?").bind(0).all();
      return r;
    }),
  ).toEqual(1);
});
