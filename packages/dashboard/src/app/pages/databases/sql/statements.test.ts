import { describe, expect, test } from "bun:test";
import { controlsTransaction, offsetOf, statementAt, statementsOf } from "./statements.ts";

const texts = (sql: string) => statementsOf(sql).map(({ text }) => text);

describe("a script is divided", () => {
  test.each([
    ["at its semicolons", "select 1; select 2", ["select 1", "select 2"]],
    [
      "not within texts",
      "select ';', E'\\';', \"a;b\"; select 2",
      ["select ';', E'\\';', \"a;b\"", "select 2"],
    ],
    ["not at doubled quotes", "select 'it''s;'; select 2", ["select 'it''s;'", "select 2"]],
    ["not within dollar quotes", "do $x1$ a; $$ b; $x1$; select 2", ["do $x1$ a; $$ b; $x1$", "select 2"]],
    [
      "not within comments, which nest",
      "select 1 -- a; b\n; /* ; /* ; */ ; */ select 2 /* ; */",
      ["select 1", "select 2"],
    ],
    ["not within brackets", "create rule r as on insert to t do (select 1; select 2); select 3", undefined],
    [
      "not within bodies that begin atomic",
      "create function f() returns int begin atomic select case when true then 1 end; select 2; end; select 3",
      undefined,
    ],
    ["without what is empty", ";; select 1 ;\n;", ["select 1"]],
    ["an open text takes the rest", "select 'a; select 2", ["select 'a; select 2"]],
  ])("%s", (_name, sql, expected) => {
    if (expected === undefined) expect(texts(sql)).toEqual([sql.slice(0, -"; select 3".length), "select 3"]);
    else expect(texts(sql)).toEqual(expected);
  });
});

test("a statement says where it stands, its command and its parameters", () => {
  const sql = "-- first\nselect $2, '$9', $$ $8 $$; -- then\n  Update t set a = $11";
  const [first, second] = statementsOf(sql);
  expect(first).toMatchObject({ from: 9, command: "select", parameters: 2 });
  expect(second).toMatchObject({ command: "update", parameters: 11, to: sql.length });
});

test("a cursor is in the statement that began last before it", () => {
  const all = statementsOf("  select 1; select 2");
  expect(statementAt(all, 0)?.text).toBe("select 1");
  expect(statementAt(all, 10)?.text).toBe("select 1");
  expect(statementAt(all, 13)?.text).toBe("select 2");
  expect(statementAt([], 0)).toBeUndefined();
});

test("a script that ends its own transaction is known", () => {
  expect(controlsTransaction(statementsOf("begin; select 1; commit"))).toBe(true);
  expect(controlsTransaction(statementsOf("select 'begin'; select 2"))).toBe(false);
});

test("a position of PostgreSQL's counts characters, an offset UTF-16 units", () => {
  expect(offsetOf("select '😀', x", 13)).toBe(13);
  expect(offsetOf("select x", 8)).toBe(7);
});
