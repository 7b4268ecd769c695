import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { sql } from "kysely";
import { Client } from "pg";
import { Rig } from "./testing/rig.ts";

let rig: Rig;
let client: Client;
beforeAll(async () => {
  rig = await Rig.start();
  await rig.person("ada@example.com");
  client = new Client({ connectionString: rig.connectionString });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await rig[Symbol.asyncDispose]();
});

const refusal = (statement: string, values: unknown[] = []) =>
  client.query(statement, values).then(
    ({ rows }) => `answered ${JSON.stringify(rows)}`,
    (thrown: { code?: string }) => thrown.code,
  );

describe("the identity worker's role", () => {
  test("reads and writes no table but sign-in's own", async () => {
    const { rows } = await rig.database.read((queries) =>
      sql<{ name: string }>`
        select format('%I.%I', schemaname, tablename) as name from pg_tables
        where schemaname not in ('pg_catalog', 'information_schema')`.execute(queries),
    );
    const own = [
      "users",
      "sessions",
      "accounts",
      "verifications",
      "two_factors",
      "used_codes",
      "rate_limits",
    ];
    const reached: string[] = [];
    for (const { name } of rows) {
      for (const statement of [
        `explain select * from ${name}`,
        `explain delete from ${name}`,
        `truncate ${name}`,
      ]) {
        const code = await refusal(statement);
        if (code !== "42501") reached.push(statement.replace("explain ", "").replace(/(\* )?from /, ""));
      }
    }
    expect(reached.sort()).toEqual(
      own.flatMap((name) => [`select identity.${name}`, `delete identity.${name}`]).sort(),
    );
  });

  test("reads no mail, and no link that makes an operator", async () => {
    for (const table of ["mails", "setup_links"]) {
      expect(await refusal(`select * from identity.${table}`)).toBe("42501");
      expect(await refusal(`delete from identity.${table}`)).toBe("42501");
    }
    expect(
      await refusal("insert into identity.setup_links (hash, expires_at) values (sha256(''), now())"),
    ).toBe("42501");
  });

  test("makes nobody an operator without a link, and no key, member or worker", async () => {
    const { rows } = await client.query("select id from identity.users");
    const [{ id }] = rows;
    expect(
      (await client.query("select identity.claim_setup_link(sha256('guess'), $1) as ok", [id])).rows,
    ).toEqual([{ ok: false }]);
    expect(
      (await client.query("select identity.accept_invitation(sha256('guess'), $1) as ok", [id])).rows,
    ).toEqual([{ ok: false }]);
    for (const statement of [
      "update users set is_operator = true",
      "insert into members (organisation_id, user_id, role) select id, id, 'owner' from identity.users",
      "insert into api_keys (id, user_id, name, prefix, hash, scopes) select id, id, 'x', 'ow_x', sha256(''), '{*}' from identity.users",
      "insert into audit_log (user_id, action, subject) select id, 'worker.deploy', 'x' from identity.users",
      "select resolve_caller(sha256(''))",
      "select set_config('role', 'ow_api', false)",
      "set role ow_api",
      "create table identity.mine (a int)",
      "create function identity.mine() returns int language sql as 'select 1'",
      "alter table identity.users disable trigger all",
    ]) {
      expect([statement, await refusal(statement)]).toEqual([
        statement,
        expect.stringMatching(/^42(501|704)$/),
      ]);
    }
  });

  test("writes down what people did with their own accounts, and nothing else", async () => {
    const { rows } = await client.query("select id from identity.users");
    const [{ id }] = rows;
    expect(await refusal("select identity.write_audit($1, 'worker.deploy', '{}')", [id])).toBe("23514");
    expect(await refusal("select identity.write_audit($1, 'session.create', '[]')", [id])).toBe("23514");
  });

  test("makes no account without its person, nor of somebody who is there", async () => {
    const { rows } = await client.query("select id from identity.users");
    const taken = await refusal(
      "insert into identity.users (id, name, email) values ($1, 'x', 'x@example.com')",
      [rows[0].id],
    );
    expect(taken).toBe("23505");
  });
});
