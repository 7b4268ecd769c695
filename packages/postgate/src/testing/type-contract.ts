/** A value of each type that a face must hand on as it is. Each is selected as `expression`, by itself. */
export interface TypeCase {
  readonly expression: string;
  readonly type: string;
  /** As the query protocol's JSON has it; a string `json:…` stands for that JSON text, digit by digit. */
  readonly json: unknown;
}

/** What has to be there before. */
export const typeContractSetup = `
  create type mood as enum ('sad', 'so so', 'it''s "fine", {really}');
  create domain even as int8 check (value % 2 = 0);
  create type pair as (left_one int4, right_one text);
  create type floatrange as range (subtype = float8);
  create schema "Other Schema";
  create type "Other Schema"."Odd, Name" as enum ('x');
`;

const digits = "9".repeat(500);

/** The same for every face: HTTP, the binding, and as texts on the wire. */
export const typeContract: readonly TypeCase[] = [
  { expression: "null::int4", type: "int4", json: null },
  { expression: "true", type: "bool", json: true },
  { expression: "false", type: "bool", json: false },
  { expression: "null::bool", type: "bool", json: null },
  { expression: "(-32768)::int2", type: "int2", json: -32768 },
  { expression: "2147483647::int4", type: "int4", json: 2147483647 },
  { expression: "(-2147483648)::int4", type: "int4", json: -2147483648 },
  { expression: "4294967295::oid", type: "oid", json: 4294967295 },
  { expression: "9223372036854775807::int8", type: "int8", json: "9223372036854775807" },
  { expression: "(-9223372036854775808)::int8", type: "int8", json: "-9223372036854775808" },
  { expression: "9007199254740993::int8", type: "int8", json: "9007199254740993" },
  { expression: "0.1::float8 + 0.2::float8", type: "float8", json: 0.30000000000000004 },
  { expression: "1e308::float8", type: "float8", json: 1e308 },
  { expression: "5e-324::float8", type: "float8", json: 5e-324 },
  { expression: "'-0'::float8", type: "float8", json: "json:-0" },
  { expression: "'NaN'::float8", type: "float8", json: "NaN" },
  { expression: "'Infinity'::float8", type: "float8", json: "Infinity" },
  { expression: "'-Infinity'::float4", type: "float4", json: "-Infinity" },
  { expression: "1.1::float4", type: "float4", json: 1.1 },
  { expression: `'${digits}.${digits}'::numeric(1000,500)`, type: "numeric", json: `${digits}.${digits}` },
  { expression: "'1.10'::numeric", type: "numeric", json: "1.10" },
  { expression: "'NaN'::numeric", type: "numeric", json: "NaN" },
  { expression: "'-Infinity'::numeric", type: "numeric", json: "-Infinity" },
  { expression: "'12.34'::money", type: "money", json: "$12.34" },
  { expression: "''::text", type: "text", json: "" },
  {
    expression: `E'quote " backslash \\\\ line \\n tab \\t bell \\x07 \\u20AC \\U0001F600'::text`,
    type: "text",
    json: 'quote " backslash \\ line \n tab \t bell \x07 € 😀',
  },
  { expression: "'</script>\u2028'::varchar(20)", type: "varchar", json: "</script>\u2028" },
  { expression: "'ab'::char(4)", type: "bpchar", json: "ab  " },
  { expression: `'a'::"char"`, type: "char", json: "a" },
  { expression: "'pg_class'::name", type: "name", json: "pg_class" },
  { expression: "''::bytea", type: "bytea", json: "\\x" },
  { expression: `'\\x00ff5c22'::bytea`, type: "bytea", json: "\\x00ff5c22" },
  {
    expression: "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid",
    type: "uuid",
    json: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
  },
  {
    expression: `'{"n":9007199254740993,"n":1.0,"s":"\\u00e9"}'::json`,
    type: "json",
    json: `json:{"n":9007199254740993,"n":1.0,"s":"\\u00e9"}`,
  },
  { expression: `'{"n":9007199254740993}'::jsonb`, type: "jsonb", json: `json:{"n": 9007199254740993}` },
  { expression: "'null'::jsonb", type: "jsonb", json: null },
  { expression: "'\"text\"'::json", type: "json", json: "text" },
  { expression: "'2024-02-29'::date", type: "date", json: "2024-02-29" },
  { expression: "'0044-03-15 BC'::date", type: "date", json: "0044-03-15 BC" },
  { expression: "'infinity'::timestamptz", type: "timestamptz", json: "infinity" },
  { expression: "'-infinity'::timestamp", type: "timestamp", json: "-infinity" },
  {
    expression: "'2024-01-01 00:00:00.123456+02'::timestamptz",
    type: "timestamptz",
    json: "2023-12-31 22:00:00.123456+00",
  },
  {
    expression: "'294276-12-31 23:59:59.999999'::timestamp",
    type: "timestamp",
    json: "294276-12-31 23:59:59.999999",
  },
  { expression: "'4713-01-01 00:00:00 BC'::timestamp", type: "timestamp", json: "4713-01-01 00:00:00 BC" },
  { expression: "'24:00:00'::time", type: "time", json: "24:00:00" },
  { expression: "'12:00:00+05:30'::timetz", type: "timetz", json: "12:00:00+05:30" },
  {
    expression: "'1 year 2 months -3 days 04:05:06.7'::interval",
    type: "interval",
    json: "1 year 2 mons -3 days +04:05:06.7",
  },
  { expression: "'10.0.0.0/8'::cidr", type: "cidr", json: "10.0.0.0/8" },
  { expression: "'2001:db8::1/64'::inet", type: "inet", json: "2001:db8::1/64" },
  { expression: "'08:00:2b:01:02:03'::macaddr", type: "macaddr", json: "08:00:2b:01:02:03" },
  { expression: "B'101'", type: "bit", json: "101" },
  { expression: "B'101'::varbit", type: "varbit", json: "101" },
  { expression: "'(1,2)'::point", type: "point", json: "(1,2)" },
  { expression: "'a fat cat'::tsvector", type: "tsvector", json: "'a' 'cat' 'fat'" },
  { expression: "'[1,10)'::int4range", type: "int4range", json: "[1,10)" },
  { expression: "'empty'::tstzrange", type: "tstzrange", json: "empty" },
  { expression: "'{[1,2),[5,)}'::int8multirange", type: "int8multirange", json: "{[1,2),[5,)}" },
  { expression: "'[0.5,1.5]'::floatrange", type: "floatrange", json: "[0.5,1.5]" },
  { expression: "'so so'::mood", type: "mood", json: "so so" },
  { expression: `'x'::"Other Schema"."Odd, Name"`, type: "Odd, Name", json: "x" },
  // PostgreSQL describes a domain's column as its base type.
  { expression: "42::even", type: "int8", json: "42" },
  { expression: "row(1, 'a,b')::pair", type: "pair", json: `(1,"a,b")` },
  { expression: "row(1, null)", type: "record", json: "(1,)" },
  { expression: "'{}'::int4[]", type: "int4[]", json: [] },
  { expression: "array[1,null,3]", type: "int4[]", json: [1, null, 3] },
  {
    expression: "array[[1,2],[3,4]]",
    type: "int4[]",
    json: [
      [1, 2],
      [3, 4],
    ],
  },
  { expression: "'[0:1]={7,8}'::int4[]", type: "int4[]", json: [7, 8] },
  { expression: "array[9223372036854775807]::int8[]", type: "int8[]", json: ["9223372036854775807"] },
  { expression: "array[true,false,null]", type: "bool[]", json: [true, false, null] },
  { expression: "array['NaN'::float8, 1.5]", type: "float8[]", json: ["NaN", 1.5] },
  {
    expression: `array['', 'NULL', null, 'a,b', '{}', E'q"\\\\', ' ', 'é']`,
    type: "text[]",
    json: ["", "NULL", null, "a,b", "{}", 'q"\\', " ", "é"],
  },
  { expression: `array['\\x00'::bytea, '']`, type: "bytea[]", json: ["\\x00", "\\x"] },
  { expression: `array['{"a":[1]}'::jsonb, null]`, type: "jsonb[]", json: [{ a: [1] }, null] },
  {
    expression: "array['sad', 'it''s \"fine\", {really}']::mood[]",
    type: "mood[]",
    json: ["sad", 'it\'s "fine", {really}'],
  },
  { expression: "array[2,4]::even[]", type: "even[]", json: ["2", "4"] },
  { expression: "array[row(1,'a\"b')::pair]", type: "pair[]", json: ['(1,"a""b")'] },
  { expression: "array['[1,2)'::int4range]", type: "int4range[]", json: ["[1,2)"] },
  {
    expression: "array['(0,0),(1,1)'::box, '(2,2),(3,3)']",
    type: "box[]",
    json: ["(1,1),(0,0)", "(3,3),(2,2)"],
  },
  { expression: "'1 2 3'::int2vector", type: "int2vector", json: "1 2 3" },
  { expression: "'pg_type'::regclass", type: "regclass", json: "pg_type" },
  { expression: "pg_sleep(0)", type: "void", json: "" },
];
