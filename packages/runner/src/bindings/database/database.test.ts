import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { newId } from "@openworkers/core";
import { program } from "../../cells/testing/test-cells.ts";
import { type DatabaseCells, databaseCells, type Inside, type QueryError } from "./testing/database-cells.ts";

let fixture: DatabaseCells;
beforeAll(async () => {
  fixture = await databaseCells();
});
afterAll(() => fixture[Symbol.asyncDispose]());
beforeEach(async () => {
  await fixture.postgres.query("drop table if exists customers");
  await fixture.postgres.query(
    "create table customers (id int primary key, name text not null constraint named check (name <> ''), email text unique)",
  );
  await fixture.postgres.query(
    "insert into customers values (1, 'Ada', 'ada@example.com'), (2, 'Bob', null)",
  );
});

const run = (inside: Inside) => fixture.run(inside);
const customers = async () => (await fixture.postgres.query("select * from customers order by id")).rows;

describe("a prepared statement", () => {
  test("gives its rows as objects, the first of them, one of its columns, or as arrays", async () => {
    const result = await run(async ({ DB }) => {
      const all = DB.prepare("select id, name from customers where id >= ? order by id").bind(1);
      const none = DB.prepare("select id from customers where id = ?1").bind(99);
      return {
        all: (await all.all()).results,
        run: (await all.run()).results,
        first: await all.first(),
        column: await all.first("name"),
        none: [await none.first(), await none.first("id"), (await none.all()).results, await none.raw()],
        raw: await all.raw(),
        named: await all.raw({ columnNames: true }),
      };
    });
    const rows = [
      { id: 1, name: "Ada" },
      { id: 2, name: "Bob" },
    ];
    const arrays = [
      [1, "Ada"],
      [2, "Bob"],
    ];
    expect(result).toEqual({
      all: rows,
      run: rows,
      first: rows[0],
      column: "Ada",
      none: [null, null, [], []],
      raw: arrays,
      named: [["id", "name"], ...arrays],
    });
  });

  test("is bound anew without a change to the one that it came from", async () => {
    const result = await run(async ({ DB }) => {
      const one = DB.prepare("select name from customers where id = $1").bind(1);
      const two = one.bind(2);
      return [await one.first("name"), await two.first("name")];
    });
    expect(result).toEqual(["Ada", "Bob"]);
  });

  test("says what it changed and what it read", async () => {
    const result = await run(async ({ DB }) => {
      const meta = async (sql: string) => (await DB.prepare(sql).run()).meta;
      return [
        await meta("insert into customers values (3, 'Cyd', null), (4, 'Dan', null) returning id"),
        await meta("update customers set email = name where id > 2"),
        await meta("delete from customers where id = 99"),
        await meta("create temporary table other (id int)"),
        await meta("select * from customers"),
      ];
    });
    const changed = (changes: number, more: object = {}) =>
      expect.objectContaining({ changes, rows_written: changes, changed_db: changes > 0, ...more });
    expect(result).toEqual([
      changed(2, { rows_read: 2, last_row_id: null, duration: expect.any(Number), served_by_primary: true }),
      changed(2, { rows_read: 0 }),
      changed(0),
      changed(0, { changed_db: true }),
      changed(0, { rows_read: 4 }),
    ]);
  });

  test("uses ? as jsonb does when nothing is bound, or $1 is", async () => {
    const result = await run(async ({ DB }) => [
      await DB.prepare(`select '{"a":1}'::jsonb ? 'a' as has`).first("has"),
      await DB.prepare(`select '{"a":1}'::jsonb ?| $1 as has`).bind(["b", "c"]).first("has"),
    ]);
    expect(result).toEqual([true, false]);
  });
});

test.each(["2021-11-03", "2022-02-01", "2024-09-23"])(
  "the client runs under the compatibility date %s",
  async (date) => {
    const source = `export default { async fetch(request, env) {
    const failed = await env.DB.prepare("selec").run().catch(({ code }) => code);
    return Response.json([failed, await env.DB.prepare("select ?::int8 as n").bind(5).first("n")]);
  } };`;
    const bindings = new Map([["DB", fixture.binding]]);
    await using cell = await fixture.cells.cells.start(program(source, { bindings, date }));
    expect(await (await cell.fetch()).json()).toEqual(["42601", 5]);
  },
);

test("of several databases each name leads to its own, and a statement of one runs there", async () => {
  const [first, second] = [newId<"database">(), newId<"database">()];
  const before = fixture.gateway.asked.length;
  const bindings = {
    DB: { kind: "database", databaseId: first },
    OTHER: { kind: "database", databaseId: second },
  } as const;
  await fixture.cells.run(bindings, (async ({ DB, OTHER }: Parameters<Inside>[0]) => {
    await OTHER.prepare("select 1").run();
    await DB.query("select 1");
    await OTHER.withSession().batch([OTHER.prepare("select 1")]);
  }) as never);
  expect(fixture.gateway.asked.slice(before).map(({ databaseId }) => databaseId)).toEqual([
    second,
    first,
    second,
  ]);
});

describe("a batch", () => {
  test("gives the result of each statement, in their order", async () => {
    const result = await run(async ({ DB }) => {
      const insert = DB.prepare("insert into customers (id, name) values (?, ?)");
      const results = await DB.batch([
        insert.bind(3, "Cyd"),
        insert.bind(4, "Dan"),
        DB.prepare("select count(*) as count from customers"),
      ]);
      return [results.map(({ results: rows, meta }) => [rows, meta.changes]), await DB.batch([])];
    });
    expect(result).toEqual([
      [
        [[], 1],
        [[], 1],
        [[{ count: 4 }], 0],
      ],
      [],
    ]);
  });

  test("changes nothing when one of its statements fails, and says which", async () => {
    const before = await customers();
    const result = await run(async ({ DB }) => {
      const insert = DB.prepare("insert into customers (id, name) values (?, ?)");
      const failure = ({ message, code, statement, position }: QueryError) => [
        message,
        code,
        statement,
        position,
      ];
      return [
        await DB.batch([insert.bind(3, "Cyd"), insert.bind(1, "Eve")]).catch(failure),
        await DB.batch([insert.bind(3, "Cyd"), DB.prepare("select ?01, nam from customers").bind(1)]).catch(
          failure,
        ),
      ];
    });
    expect(result).toEqual([
      ['D1_ERROR: duplicate key value violates unique constraint "customers_pkey"', "23505", 1, null],
      ['D1_ERROR: column "nam" does not exist', "42703", 1, "select ?01, nam".indexOf("nam") + 1],
    ]);
    expect(await customers()).toEqual(before);
  });

  test("of anything else than prepared statements is refused", async () => {
    const result = await run(async ({ DB }) => {
      const wrong = [["select 1"], [{ statement: "select 1", params: [] }], [null], "select 1"];
      return Promise.all(
        wrong.map((batch) => DB.batch(batch as never).catch((error: Error) => error.message)),
      );
    });
    expect(result).toEqual([
      ...Array(3).fill("D1_ERROR: Entry 0 of the batch is no prepared statement."),
      "D1_TYPE_ERROR: Type 'string' not supported for value 'select 1'",
    ]);
  });
});

test("exec runs a script as one transaction and counts its statements", async () => {
  const result = await run(async ({ DB }) => {
    const done = await DB.exec(
      "insert into customers values (3, 'a;b', null);\nupdate customers\n set email = null;",
    );
    const failed = await DB.exec("delete from customers; insert into customers values (9, '', null)").catch(
      ({ message, code, constraint }: QueryError) => [message, code, constraint],
    );
    return [done, failed];
  });
  expect(result).toEqual([
    { count: 2, duration: expect.any(Number) },
    ['D1_EXEC_ERROR: new row for relation "customers" violates check constraint "named"', "23514", "named"],
  ]);
  expect((await customers()).map(({ name, email }) => [name, email])).toEqual([
    ["Ada", null],
    ["Bob", null],
    ["a;b", null],
  ]);
});

test("query takes a statement with its values and gives rows, columns and a count", async () => {
  const result = await run(async ({ DB }) => [
    await DB.query("select id, name from customers where id = $1", [2]),
    await DB.query("delete from customers where id = ?", [2]),
    await DB.query("select 1 as one"),
  ]);
  const columns = [
    { name: "id", type: "int4" },
    { name: "name", type: "text" },
  ];
  expect(result).toEqual([
    { rows: [{ id: 2, name: "Bob" }], rowCount: 1, columns },
    { rows: [], rowCount: 1, columns: [] },
    { rows: [{ one: 1 }], rowCount: 1, columns: [{ name: "one", type: "int4" }] },
  ]);
});

test("a session has a bookmark once it was used, and begins at one", async () => {
  const result = await run(async ({ DB }) => {
    const session = DB.withSession("first-unconstrained");
    const before = session.getBookmark();
    const name = await session.prepare("select name from customers where id = ?").bind(1).first("name");
    const [batched] = await session.batch([session.prepare("select 1 as one")]);
    const after = session.getBookmark();
    const next = DB.withSession(after ?? undefined);
    return [before, name, batched?.results, after, next.getBookmark(), DB.withSession().getBookmark()];
  });
  expect(result).toEqual([null, "Ada", [{ one: 1 }], "primary", "primary", null]);
});

describe("an error", () => {
  test("has PostgreSQL's words, code and particulars, and no frame of the platform's", async () => {
    const result = (await run(async ({ DB }) => {
      const failure = async (sql: string, ...values: unknown[]) => {
        try {
          return await DB.prepare(sql)
            .bind(...values)
            .all();
        } catch (thrown) {
          const error = thrown as QueryError;
          const { name, message, stack, code, position, hint, detail, constraint, table, cause } = error;
          const is = error instanceof Error;
          return {
            is,
            name,
            message,
            stack,
            code,
            position,
            hint,
            detail,
            constraint,
            table,
            cause: (cause as Error).message,
          };
        }
      };
      return [
        await failure("insert into customers values (?, ?, ?)", 1, "Eve", null),
        await failure("select ?1 as größe, ?2, nam from customers", "a", "b"),
        await failure("select * form customers"),
      ];
    })) as Partial<QueryError>[];
    const [duplicate, column, syntax] = result;
    expect(duplicate).toMatchObject({
      is: true,
      name: "Error",
      message: 'D1_ERROR: duplicate key value violates unique constraint "customers_pkey"',
      cause: 'duplicate key value violates unique constraint "customers_pkey"',
      code: "23505",
      detail: "Key (id)=(1) already exists.",
      constraint: "customers_pkey",
      table: "customers",
    });
    expect(column).toMatchObject({
      code: "42703",
      position: "select ?1 as größe, ?2, nam".indexOf("nam") + 1,
      hint: expect.stringContaining("customers.name"),
    });
    expect(syntax).toMatchObject({ code: "42601", position: 10 });
    for (const { stack } of result) {
      expect(stack).toMatch(/at async failure/);
      expect(stack).not.toMatch(/openworkers/);
    }
  });

  test("is D1's for a column that is not there, a value that cannot be bound, and dump", async () => {
    const result = await run(async ({ DB }) => {
      const messageOf = (error: Error) => error.message;
      const bind = (value: unknown) => {
        try {
          return typeof DB.prepare("select ?").bind(value);
        } catch (thrown) {
          return messageOf(thrown as Error);
        }
      };
      return [
        await DB.prepare("select 1 as one").first("two").catch(messageOf),
        await DB.dump().catch(messageOf),
        bind(undefined),
        bind(Symbol("a")),
        bind(() => 1),
        bind(new Map()),
        bind(new Date(Number.NaN)),
      ];
    });
    expect(result).toEqual([
      "D1_COLUMN_NOTFOUND: Column not found (two)",
      "D1_DUMP_ERROR: A worker cannot dump its database: use `ow databases dump`.",
      "D1_TYPE_ERROR: Type 'undefined' not supported for value 'undefined'",
      "D1_TYPE_ERROR: Type 'symbol' not supported for value 'Symbol(a)'",
      "D1_TYPE_ERROR: Type 'function' not supported for value '() => 1'",
      "D1_TYPE_ERROR: Type 'object' not supported for value '[object Map]'",
      "D1_TYPE_ERROR: Type 'object' not supported for value 'Invalid Date'",
    ]);
  });
});
