import { afterAll, beforeAll, expect, test } from "bun:test";
import { Readable } from "node:stream";
import { type Address, parseAddress } from "@openworkers/db";
import { emptyTestDatabase } from "@openworkers/db/testing";
import { Client } from "pg";
import { testServers } from "../testing/mod.ts";
import { dumpDatabase } from "./dump.ts";
import { restoreDatabase } from "./restore.ts";

const parts = new AsyncDisposableStack();
const signal = AbortSignal.timeout(60_000);
let source: string;
beforeAll(async () => {
  source = parts.use(await emptyTestDatabase()).url;
  const client = await open(source);
  await client.query(schema);
  await client.end();
});
afterAll(() => parts.disposeAsync());

function open(url: string): Promise<Client> {
  return openAddress(parseAddress(url));
}

async function openAddress({ host, port, database, user, password }: Address): Promise<Client> {
  const client = new Client({ host, port, database, user, ...(password === undefined ? {} : { password }) });
  await client.connect();
  return client;
}

/** What a dump of one's own schema has to bring back: each kind of thing, and each awkward value. */
const schema = `
  create schema "Odd name;";
  create extension hstore;
  create type mood as enum ('sad', 'it''s; fine');
  create domain positive as int check (value > 0);
  create table people (
    id int generated always as identity primary key, name text not null, mood mood default 'sad',
    age positive, doc jsonb, raw bytea, tags text[], at timestamptz, span interval,
    shout text generated always as (upper(name)) stored
  );
  create table "Odd name;"."Table; '$$" (id bigserial primary key, person int references people deferrable, "a;b" numeric);
  create table nothing ();
  create table parts (id int, region text) partition by list (region);
  create table parts_eu partition of parts for values in ('eu');
  create index on people using gin (doc);
  create view names as select id, shout from people;
  create materialized view counted as select count(*) from people;
  create function plain(a int) returns int language plpgsql as $body$
begin
  -- COPY people FROM stdin;
  return a; -- $$ ' "
end $body$;
  create function atomic_body(a int) returns int language sql begin atomic;
    select case when a > 0 then 1 else 2 end; end;
  create procedure empty_body() language sql begin atomic end;
  create function touch() returns trigger language plpgsql as 'begin new.name := new.name || ''!''; return new; end';
  create trigger touch before insert on people for each row execute function touch();
  create rule quiet as on delete to people do also (insert into parts values (1, 'eu'); select 1);
  alter table people enable row level security;
  create policy everyone on people using (true);
  comment on table people is E'a ''comment'' with \\\\ and; ünïcode';
  insert into people (name, mood, age, doc, raw, tags, at, span) values
    (E'tab\\there\\nline\\\\.', 'it''s; fine', 5, '{"n": 9007199254740993}', '\\x00ff', array['a', null, '"'], '0044-03-15 BC', '1 mon'),
    ('\\.', null, null, null, '', '{}', 'infinity', null),
    ('ünïcode ☃', 'sad', 1, 'null', null, null, null, null);
  insert into "Odd name;"."Table; '$$" (person, "a;b") values (1, 1e300), (2, 'NaN');
  insert into parts values (7, 'eu');
  refresh materialized view counted;
  select lo_from_bytea(4711, decode(repeat('00ff', 100000), 'hex'));
`;

const contents = [
  "select * from people order by id",
  `select * from "Odd name;"."Table; '$$" order by id`,
  `select nextval('"Odd name;"."Table; ''$$_id_seq"'), nextval('people_id_seq')`,
  "select tableoid::regclass, * from parts",
  "select * from names order by id",
  "select * from counted",
  "select plain(3), atomic_body(1), atomic_body(0)",
  "select encode(sha256(lo_get(4711)), 'hex')",
  "select obj_description('people'::regclass)",
  "select prosrc, pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace and proname in ('plain', 'atomic_body', 'empty_body', 'touch') order by proname",
  "select relname, relkind, relrowsecurity from pg_class where relnamespace in (select oid from pg_namespace where nspname in ('public', 'Odd name;')) order by 1",
];

async function contentOf(url: string): Promise<unknown[]> {
  const client = await open(url);
  const all = [];
  for (const query of contents) all.push((await client.query({ text: query, rowMode: "array" })).rows);
  await client.end();
  return all;
}

async function* bytes(text: string, size = text.length): AsyncGenerator<Uint8Array> {
  const all = Buffer.from(text);
  for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size);
}

async function restored(chunks: AsyncIterable<Uint8Array>) {
  const target = await emptyTestDatabase();
  const client = await open(target.url);
  try {
    await restoreDatabase(client, chunks, signal);
  } finally {
    await client.end();
  }
  return target;
}

test("a restored dump is the database that was dumped, with everything in it", async () => {
  await using target = await restored(dumpDatabase(() => open(source), signal));
  expect(await contentOf(target.url)).toEqual(await contentOf(source));
});

test("however a dump is cut into chunks, it restores the same", async () => {
  const dump = Buffer.concat(await Array.fromAsync(dumpDatabase(() => open(source), signal))).toString();
  await using target = await restored(bytes(dump, 7));
  const client = await open(target.url);
  expect((await client.query("select name from people order by id")).rows).toHaveLength(3);
  await client.end();
});

test("a dump shows one moment, whatever is written meanwhile", async () => {
  await using own = await emptyTestDatabase();
  const writer = await open(own.url);
  await writer.query("create table a (id int); create table b (id int); insert into a values (1)");
  const dump = dumpDatabase(() => open(own.url), signal);
  const first = await dump.next();
  await writer.query("insert into a values (2); insert into b values (2)");
  await writer.end();
  const rest = await Array.fromAsync(dump);
  const text = Buffer.concat([first.value ?? Buffer.alloc(0), ...rest]).toString();
  expect(text).toContain("COPY public.a (id) FROM stdin;\n1\n\\.\n");
  expect(text).toContain("COPY public.b (id) FROM stdin;\n\\.\n");
});

const refused = [
  ["with an error in its last statement", "create table t (id int); select 1/0;", "QUERY_FAILED"],
  ["with a bad row", "create table t (id int);\nCOPY t FROM stdin;\n1\nx\n\\.\n", "QUERY_FAILED"],
  ["that ends its transaction", "create table t (id int); commit; select 1;", "INVALID_INPUT"],
  ["that begins one of its own", "begin;\ncreate table t (id int);\nCOMMIT;\n", "INVALID_INPUT"],
  ["with a command of psql's", "create table t (id int);\n\\! touch /tmp/x\n", "INVALID_INPUT"],
  ["that ends in the middle of a text", "create table t (id int); select '", "INVALID_INPUT"],
  ["that ends in the middle of rows", "create table t (id int);\nCOPY t FROM stdin;\n1\n", "INVALID_INPUT"],
] as const;

for (const [what, script, code] of refused) {
  test(`a file ${what} is refused with ${code}, and nothing of it is kept`, async () => {
    await using target = await emptyTestDatabase();
    const client = await open(target.url);
    await expect(restoreDatabase(client, bytes(script), signal)).rejects.toMatchObject({ code });
    await client.end();
    const other = await open(target.url);
    const { rows } = await other.query("select to_regclass('t') as t");
    await other.end();
    expect(rows).toEqual([{ t: null }]);
  });
}

test("a schema that unpacks to more than any schema is refused, and not held", async () => {
  await using bomb = await emptyTestDatabase();
  const client = await open(bomb.url);
  // 80 MB of function, of which the catalog stores less than one.
  await client.query(
    `do $$ begin execute format('create function bomb() returns text language sql as %L', 'select ''' || repeat('x', 80000000) || ''''); end $$`,
  );
  await client.end();
  const dump = async () => {
    for await (const _ of dumpDatabase(() => open(bomb.url), signal));
  };
  await expect(dump()).rejects.toMatchObject({ code: "RESULT_TOO_LARGE" });
});

for (const [name, start] of testServers) {
  test(`a dump of ${name} is restored there`, async () => {
    await using server = await start();
    const at = (database: string) => openAddress({ ...server.address, database });
    const within = async (database: string, ...statements: string[]) => {
      const client = await at(database);
      try {
        const results = [];
        for (const statement of statements) results.push(await client.query(statement));
        return results;
      } finally {
        await client.end();
      }
    };
    await within("postgres", "create database ours", "create database copy");
    await within("ours", "create table kept (id int primary key)", "insert into kept values (7)");
    const copy = await at("copy");
    try {
      await restoreDatabase(
        copy,
        dumpDatabase(() => at("ours"), signal),
        signal,
      );
    } finally {
      await copy.end();
    }
    const [kept] = await within("copy", "select id from kept");
    expect(kept?.rows).toEqual([{ id: 7 }]);
  });
}

test("a dump with the restriction that pg_dump puts between its comments and its statements is restored", async () => {
  await using target = await emptyTestDatabase();
  const client = await open(target.url);
  const dump = [
    "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\n-- Dumped\n\nSET lock_timeout = 0;\n",
    "create table kept ();\n\n--\n-- done\n--\n\n\\unrestrict abc\n\n",
  ];
  await restoreDatabase(client, Readable.from(dump.map((text) => Buffer.from(text))), signal);
  expect((await client.query("select to_regclass('kept') as kept")).rows).toEqual([{ kept: "kept" }]);
  await client.end();
});
