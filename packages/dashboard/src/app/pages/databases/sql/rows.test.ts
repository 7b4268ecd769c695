import { afterAll, beforeAll, expect, test } from "bun:test";
import { withTestDatabase } from "@openworkers/db/testing";
import { Client } from "pg";
import {
  type Cell,
  countRows,
  deleteRow,
  insertRow,
  keyOf,
  type Row,
  type Sql,
  selectRow,
  selectRows,
  type Table,
  updateRow,
} from "./rows.ts";

let fixture: Awaited<ReturnType<typeof withTestDatabase>>;
let client: Client;
beforeAll(async () => {
  fixture = await withTestDatabase();
  client = new Client({ connectionString: fixture.url });
  await client.connect();
  await client.query(`create table "odd ""name" (
    "big key" int8, part text, amount numeric, doc json, bytes bytea, "100%" text default 'none', primary key ("big key", part))`);
}, 60_000);
afterAll(async () => {
  await client.end();
  await fixture[Symbol.asyncDispose]();
});

const column = (name: string, type: string) => ({
  ...{ name, type, nullable: true, default: null, generated: false, labels: null },
});
const table: Table = {
  schema: "public",
  name: 'odd "name',
  kind: "table",
  rows: null,
  bytes: 0,
  columns: [
    column("big key", "bigint"),
    column("part", "text"),
    column("amount", "numeric"),
    column("doc", "json"),
    column("bytes", "bytea"),
    column("100%", "text"),
  ],
  primaryKey: ["big key", "part"],
  indexes: [],
  constraints: [],
};

async function send({ sql, params }: Sql) {
  return await client.query({ text: sql, values: [...params], rowMode: "array" });
}

async function read(of: Partial<Parameters<typeof selectRows>[1]> = {}): Promise<Row[]> {
  const { rows } = await send(
    selectRows(table, { filters: [], sort: undefined, limit: 50, offset: 0, ...of }),
  );
  return rows.map(([version, ...values]) => ({ version, values }));
}

const cells = (given: Record<string, Cell>) => new Map(Object.entries(given));

test("rows are inserted, found, changed and deleted by their key, with every digit", async () => {
  const key = { "big key": "9223372036854775807", part: "a'b" };
  const exact = {
    amount: { text: "123456789012345678901234567890.10" },
    doc: { text: '{"n": 9007199254740993.0}' },
    bytes: { text: "\\x00ff" },
  };
  const given = {
    "big key": { text: key["big key"] },
    part: { text: key.part },
    ...exact,
    "100%": "default",
  } as const;
  await send(insertRow(table, cells(given)));
  const [row] = await read();
  expect(row?.values).toEqual([
    ...[key["big key"], key.part, exact.amount.text, exact.doc.text, exact.bytes.text, "none"],
  ]);
  if (row === undefined) throw new Error("there is no row");
  expect(keyOf(table, row)).toEqual(key);
  const changed = updateRow(table, key, row.version, cells({ amount: "null", "100%": { text: "50%_x" } }));
  expect((await send(changed)).rowCount).toBe(1);
  // It is another row by now.
  expect((await send(changed)).rowCount).toBe(0);
  expect((await send(deleteRow(table, key, row.version))).rowCount).toBe(0);
  const [[version, ...values] = []] = (await send(selectRow(table, key))).rows;
  expect(values.slice(2)).toEqual([null, exact.doc.text, exact.bytes.text, "50%_x"]);
  expect((await send(deleteRow(table, key, version))).rowCount).toBe(1);
  expect(
    await send(insertRow({ ...table, name: 'odd "name' }, cells({ "big key": "default" }))).catch(String),
  ).toContain("null value");
});

test("rows are filtered, sorted, counted and paged; long values are cut", async () => {
  for (const [index, text] of ["50%", "500", "a_b", "axb", "x".repeat(400)].entries()) {
    await send(
      insertRow(table, cells({ "big key": { text: String(index) }, part: { text: "p" }, "100%": { text } })),
    );
  }
  const keys = (rows: Row[]) => rows.map(({ values }) => values[0]);
  const where = (operator: "has" | "starts" | "gt" | "null" | "ne", name: string, value = "") =>
    read({ filters: [{ column: name, operator, value }] });
  expect(keys(await where("has", "100%", "0%"))).toEqual(["0"]);
  expect(keys(await where("has", "100%", "A_B"))).toEqual(["2"]);
  expect(keys(await where("starts", "100%", "50"))).toEqual(["0", "1"]);
  expect(keys(await where("gt", "big key", "2"))).toEqual(["3", "4"]);
  expect(keys(await where("null", "amount"))).toHaveLength(5);
  expect(keys(await where("ne", "amount", "1"))).toHaveLength(5);
  expect(keys(await read({ sort: { column: "big key", descending: true }, limit: 2, offset: 1 }))).toEqual([
    "3",
    "2",
  ]);
  expect((await read()).at(-1)?.values[5]).toHaveLength(257);
  const counted = await send(countRows(table, [{ column: "100%", operator: "has", value: "x" }]));
  expect(counted.rows).toEqual([[2]]);
});
