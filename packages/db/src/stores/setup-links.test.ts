import { expect, test } from "bun:test";
import { newId } from "@openworkers/core";
import { sql } from "kysely";
import { withTestDatabase } from "../testing.ts";
import { hasAdmin } from "./setup-links.ts";
import { ensureOperator } from "./users.ts";

test("a platform has an admin when an operator can sign in: who deployed on the machine itself is none", async () => {
  await using own = await withTestDatabase();
  const { database } = own;
  await ensureOperator(database);
  expect(await hasAdmin(database)).toBe(false);
  const id = newId<"user">();
  await sql`insert into identity.users (id, name, email) values (${id}, 'Ada', 'ada@example.com')`.execute(
    database.kysely,
  );
  expect(await hasAdmin(database)).toBe(false);
  await sql`update users set is_operator = true where id = ${id}`.execute(database.kysely);
  expect(await hasAdmin(database)).toBe(true);
});
