import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type DatabaseCells, databaseCells } from "./testing/database-cells.ts";

let fixture: DatabaseCells;
beforeAll(async () => {
  fixture = await databaseCells();
  await fixture.postgres.query(
    "create type mood as enum ('calm', 'wild'); create type pair as (a int, b text)",
  );
});
afterAll(() => fixture[Symbol.asyncDispose]());

// JSON has no words for these, on the way out of the cell.
const said = `(value) => {
  if (typeof value === "bigint") return value + "n";
  if (typeof value === "number" && !Number.isFinite(value)) return "number " + value;
  if (value instanceof Uint8Array) return "bytes " + [...value];
  return value;
}`;

/** What a worker is given for each of the expressions. */
async function read(expressions: readonly string[]): Promise<unknown[]> {
  const source = `async ({ DB }) => {
    const rows = [];
    for (const expression of ${JSON.stringify(expressions)}) {
      rows.push((await DB.prepare("select " + expression).raw())[0][0]);
    }
    return rows.map((value) => Array.isArray(value) ? JSON.parse(JSON.stringify(value, (_, each) => (${said})(each))) : (${said})(value));
  }`;
  // A function that says its own source, which is all that is taken of it.
  return (await fixture.run(Object.assign(() => {}, { toString: () => source }))) as unknown[];
}

describe("a value of PostgreSQL's", () => {
  test.each<[string, string, unknown]>([
    ["NULL", "null::int", null],
    ["a boolean", "true", true],
    ["an int4", "-2147483648", -2147483648],
    ["a small int8", "9007199254740991::int8", 9007199254740991],
    ["a large int8", "9007199254740992::int8", "9007199254740992n"],
    ["the smallest int8", "(-9223372036854775808)::int8", "-9223372036854775808n"],
    ["a numeric", "1234567890.12345678901234567890::numeric", "1234567890.12345678901234567890"],
    ["a float8", "0.1::float8", 0.1],
    ["a float8 that is none", "'NaN'::float8", "number NaN"],
    ["an infinite float4", "'-Infinity'::float4", "number -Infinity"],
    ["bytes", "'\\x00ff0a'::bytea", "bytes 0,255,10"],
    ["no bytes", "''::bytea", "bytes "],
    ["json", `'{"a": [1, null, "ü"]}'::json`, { a: [1, null, "ü"] }],
    ["jsonb null", "'null'::jsonb", null],
    [
      "a timestamp",
      "'2026-11-22 23:00:00.123456+01'::timestamptz at time zone 'utc'",
      "2026-11-22 22:00:00.123456",
    ],
    ["a date", "'2026-11-22'::date", "2026-11-22"],
    ["an interval", "'1 year 2 days 03:04:05'::interval", "1 year 2 days 03:04:05"],
    ["a range", "'[1,5)'::int4range", "[1,5)"],
    ["an enum", "'calm'::mood", "calm"],
    ["a composite", "row(1, 'a b')::pair", '(1,"a b")'],
    ["a uuid", "'00000000-0000-0000-0000-000000000001'::uuid", "00000000-0000-0000-0000-000000000001"],
    ["an array of int8", "array[1, null, 9007199254740993]::int8[]", [1, null, "9007199254740993n"]],
    [
      "an array of arrays",
      "array[array['a','b,\"'],array['NULL','']]",
      [
        ["a", 'b,"'],
        ["NULL", ""],
      ],
    ],
    ["an array of bytes", "array['\\x01','\\x02']::bytea[]", ["bytes 1", "bytes 2"]],
    ["an empty array", "'{}'::int[]", []],
  ])("%s", async (_, expression, wanted) => {
    expect(await read([expression])).toEqual([wanted]);
  });
});

describe("a value of a worker's", () => {
  test("is read by PostgreSQL as the type that stands there", async () => {
    const result = await fixture.run(async ({ DB }) => {
      const text = async (type: string, value: unknown) =>
        DB.prepare(`select $1::${type}::text as text`).bind(value).first("text");
      return Promise.all([
        text("int8", 9007199254740993n),
        text("numeric", 1e21),
        text("float8", Number.NaN),
        text("float8", -Infinity),
        text("float8", -0.5),
        text("boolean", true),
        text("int", false),
        text("text", ""),
        text("text", "a'b\\\"ü😀"),
        text("timestamptz at time zone 'utc'", new Date(Date.UTC(2026, 10, 22, 1, 2, 3, 4))),
        text("bytea", new Uint8Array([0, 1, 254, 255]).subarray(1)),
        text("bytea", new Uint8Array([7, 8]).buffer),
        text("bytea", new DataView(new Uint8Array([1, 2, 3]).buffer, 1, 1)),
        text("jsonb", { a: [1, { b: null }], c: "ü" }),
        text("int[]", [1, null, 3]),
        text("text[]", ["a", 'b"\\,{}', "", "NULL", null]),
        text("int[]", [
          [1, 2],
          [3, 4],
        ]),
        text("int[]", []),
        text("bytea[]", [new Uint8Array([1])]),
        text("jsonb[]", [{ a: 'b"' }]),
        text("boolean[]", [true, false]),
        text("text", null),
        text("text", new URL("https://example.com/a?b")),
        text("jsonb", { toJSON: () => ({ a: 1 }) }),
      ]);
    });
    expect(result).toEqual([
      "9007199254740993",
      "1000000000000000000000",
      "NaN",
      "-Infinity",
      "-0.5",
      "true",
      "0",
      "",
      "a'b\\\"ü😀",
      "2026-11-22 01:02:03.004",
      "\\x01feff",
      "\\x0708",
      "\\x02",
      '{"a": [1, {"b": null}], "c": "ü"}',
      "{1,NULL,3}",
      '{a,"b\\"\\\\,{}","","NULL",NULL}',
      "{{1,2},{3,4}}",
      "{}",
      '{"\\\\x01"}',
      '{"{\\"a\\": \\"b\\\\\\"\\"}"}',
      "{t,f}",
      null,
      "https://example.com/a?b",
      '{"a": 1}',
    ]);
  });

  test("comes back as it was, a megabyte of bytes too", async () => {
    const result = await fixture.run(async ({ DB }) => {
      const bytes = new Uint8Array(2 ** 20).map((_, index) => index * 7);
      const back = await DB.prepare("select ?::bytea as bytes").bind(bytes).first<Uint8Array>("bytes");
      return [back?.length, back?.every((byte, index) => byte === bytes[index])];
    });
    expect(result).toEqual([2 ** 20, true]);
  });
});

test("columns may be called anything, and of two of one name the last counts", async () => {
  const result = await fixture.run(async ({ DB }) => {
    const sql = `select 1 as "__proto__", 2 as "constructor", 3 as "toString", 4 as a, 5 as a`;
    const row = (await DB.prepare(sql).first()) ?? {};
    return [
      Object.entries(row),
      Object.getPrototypeOf(row) === Object.prototype,
      await DB.prepare(sql).raw(),
    ];
  });
  expect(result).toEqual([
    [
      ["__proto__", 1],
      ["constructor", 2],
      ["toString", 3],
      ["a", 5],
    ],
    true,
    [[1, 2, 3, 4, 5]],
  ]);
});
