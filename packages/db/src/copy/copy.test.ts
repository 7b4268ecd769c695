import { afterAll, beforeAll, expect, test } from "bun:test";
import { sql } from "kysely";
import { type TestDatabase, withTestDatabase } from "../testing.ts";
import { CopyRows } from "./copy-rows.ts";

let test_: TestDatabase;
beforeAll(async () => {
  test_ = await withTestDatabase();
  await test_.database.write(async (transaction) => {
    await sql`create table things (
      small smallint, number integer, large bigint, real double precision, yes boolean, at timestamptz, id uuid, name text,
      particulars jsonb
    )`.execute(transaction);
    await sql`create table few (number integer check (number < 10))`.execute(transaction);
  });
}, 60_000);
afterAll(() => test_[Symbol.asyncDispose]());

const copyThings = `copy things from stdin (format binary)`;
const copyFew = `copy few from stdin (format binary)`;

async function thingsAfter(rows: CopyRows): Promise<unknown[]> {
  await test_.database.bulk((transaction) => transaction.copy(copyThings, rows.bytes()));
  return await test_.database.read(async (queries) => {
    const found = await sql`
      select small, number, large, real, yes, extract(epoch from at) * 1000 as ms, id, name, particulars from things
    `.execute(queries);
    await sql`truncate things`.execute(queries);
    return found.rows;
  });
}

test("every type comes out as it went in, at its ends, too", async () => {
  const rows = new CopyRows();
  const id = "01934f00-ffff-7000-8000-0123456789ab";
  const particulars = { stack: 'at "x"\n\\', more: [1, null] };
  const [most, least] = [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
  rows
    .row(9)
    .int2(-1)
    .int4(-(2 ** 31))
    .int8(most)
    .float8(0.1)
    .bool(true)
    .timestamptz(0)
    .uuid(id);
  rows.text("a\tb\\N\n\\.\n€ 😀").jsonb(particulars);
  rows
    .row(9)
    .int2(5)
    .int4(2 ** 31 - 1)
    .int8(least)
    .float8(-1e300)
    .bool(false)
    .timestamptz(1_763_900_000_123);
  rows.null().text("").null();
  expect(await thingsAfter(rows)).toEqual([
    {
      small: -1,
      number: -(2 ** 31),
      large: most,
      real: 0.1,
      yes: true,
      ms: "0.000000",
      id,
      name: "a\tb\\N\n\\.\n€ 😀",
      particulars,
    },
    {
      small: 5,
      number: 2 ** 31 - 1,
      large: least,
      real: -1e300,
      yes: false,
      ms: "1763900000123.000000",
      id: null,
      name: "",
      particulars: null,
    },
  ]);
});

test("rows that outgrow the buffer again and again are all there", async () => {
  const rows = new CopyRows();
  const long = "€".repeat(100_000);
  for (let number = 0; number < 20; number++) {
    rows.row(9).null().int4(number).null().null().null().null().null().text(long).null();
  }
  expect(await thingsAfter(rows)).toMatchObject(
    Array.from({ length: 20 }, (_, number) => ({ number, name: long })),
  );
});

test("what PostgreSQL refuses undoes all of the transaction, and the next one goes through", async () => {
  const { database } = test_;
  const rows = (...numbers: number[]) => {
    const made = new CopyRows();
    for (const number of numbers) made.row(1).int4(number);
    return made.bytes();
  };
  const stored = () => database.read((queries) => sql`select number from few order by 1`.execute(queries));
  const refused = database.bulk(async (transaction) => {
    await transaction.copy(copyFew, rows(1, 2));
    await transaction.copy(copyFew, rows(3, 10, 4));
  });
  await expect(refused).rejects.toMatchObject({ code: "INVALID_INPUT" });
  await expect(
    database.bulk((transaction) => transaction.copy(copyFew, Buffer.from("PG"))),
  ).rejects.toThrow();
  await expect(
    database.bulk(async (transaction) => {
      await transaction.copy(copyFew, rows(5));
      throw new RangeError("no");
    }),
  ).rejects.toThrow("no");
  expect((await stored()).rows).toEqual([]);
  await database.bulk((transaction) => transaction.copy(copyFew, rows(6)));
  expect((await stored()).rows).toEqual([{ number: 6 }]);
});

test("a connection that breaks within a transaction is not used again", async () => {
  const { database } = test_;
  const broken = database.bulk(async (transaction) => {
    const [row] = await transaction.query<{ pid: number }>(
      { name: "pid", text: "select pg_backend_pid() as pid" },
      [],
    );
    await database.read((queries) => sql`select pg_terminate_backend(${row?.pid})`.execute(queries));
    await transaction.query({ name: "one", text: "select 1" }, []);
  });
  await expect(broken).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
  await database.bulk((transaction) => transaction.query({ name: "one", text: "select 1" }, []));
});
