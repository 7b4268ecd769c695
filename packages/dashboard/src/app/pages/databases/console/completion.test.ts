import { expect, test } from "bun:test";
import type { Table } from "../sql/rows.ts";
import { identifier, suggest } from "./completion.ts";

const table = (schema: string, name: string, ...columns: string[]): Table => ({
  ...{ schema, name, kind: "table", rows: null, bytes: 0, primaryKey: [], indexes: [], constraints: [] },
  columns: columns.map((each) => ({
    ...{ name: each, type: "text", nullable: true, default: null, generated: false, labels: null },
  })),
});
const tables = [
  table("public", "orders", "id", "Total"),
  table("public", "people", "id", "name"),
  table("crm", "leads", "email"),
];
const labels = (statement: string, before = statement) =>
  suggest(tables, statement, before).map(({ label }) => label);

test("after an alias or a table's name come its columns", () => {
  expect(labels("select o. from orders as o join people p on true", "select o.")).toEqual(["id", "Total"]);
  expect(labels("select people.na from orders, people", "select people.na")).toEqual(["id", "name"]);
  expect(labels("select l. from crm.leads l", "select l.")).toEqual(["email"]);
  expect(labels("select orders.", "select orders.")).toEqual(["id", "Total"]);
});

test("after a schema come its tables, after FROM all of them", () => {
  expect(labels("select * from crm.")).toEqual(["crm.leads"]);
  expect(labels("select * from ")).toEqual(["orders", "people", "crm.leads"]);
  expect(labels("insert into o")).toEqual(["orders", "people", "crm.leads"]);
});

test("elsewhere come columns of what the statement names, tables, and keywords", () => {
  const found = labels("select  from people where true", "select ");
  expect(found.slice(0, 2)).toEqual(["id", "name"]);
  expect(found).toContain("orders");
  expect(found).toContain("where");
});

test("names are written as SQL needs them", () => {
  expect(["a_1", "Total", "user", 'a"b'].map(identifier)).toEqual(["a_1", '"Total"', '"user"', '"a""b"']);
  expect(suggest(tables, "select o. from orders o", "select o.")[1]?.insert).toBe('"Total"');
});
