import { afterAll, beforeAll, expect, test } from "bun:test";
import { messageOf } from "@openworkers/core";
import { clientConfig, parseAddress } from "@openworkers/db";
import { type TestDatabase, withTestDatabase } from "@openworkers/db/testing";
import { sql } from "kysely";
import { Client } from "pg";
import { CallerDatabase, type Statement } from "./testing/caller-database.ts";
import { TestPlatform } from "./testing/platform.ts";
import { withoutConditions } from "./testing/without-conditions.ts";
import { addRecords, makeWorld, readWorld, unmakeWorld, type World } from "./testing/world.ts";

/** What a statement did that is Bob's business. */
interface Outcome {
  readonly text: string;
  readonly touched: boolean;
  readonly shown: boolean;
  readonly failure: string | undefined;
}

let fixture: TestDatabase;
let platform: TestPlatform;
const statements = new Map<string, Statement>();

beforeAll(async () => {
  fixture = await withTestDatabase();
  platform = await TestPlatform.start(fixture);
  const { open, ann, bob, database } = platform;
  const bobs = await makeWorld(database, bob, database);
  await addRecords(database, bob.id, bobs, bob.name);
  const heard = new CallerDatabase(open.place("api"), ann.key, (statement) => {
    if (!statements.has(statement.text)) statements.set(statement.text, statement);
  });
  // Twice: the world that the statements are run in is to be there.
  const first = await makeWorld(heard, ann, database);
  await readWorld(heard, ann, first);
  await unmakeWorld(heard, ann, first);
  const anns = await makeWorld(heard, ann, database);
  await addRecords(database, ann.id, anns, ann.name);
  await watchOver(bob.id, bobs);
});
afterAll(() => platform[Symbol.asyncDispose]());

/** Has the database refuse what touches a row of Bob's, whoever does it. */
async function watchOver(id: string, world: World): Promise<void> {
  const { database } = platform;
  const ids = [id, ...Object.values(world)].join("|");
  await sql
    .raw(
      `create function watch_over() returns trigger language plpgsql security definer as $$ begin
        if coalesce(to_jsonb(old)::text, '') ~ '${ids}|bob' or coalesce(to_jsonb(new)::text, '') ~ '${ids}|bob' then
          raise exception 'this touches a row of Bob''s';
        end if;
        return null;
      end $$;
      do $$ declare found regclass; begin
        for found in select oid::regclass from pg_class
          where relnamespace in ('public'::regnamespace, 'identity'::regnamespace) and relkind in ('r', 'p')
            and not relispartition loop
          execute format('create trigger zz_watch after insert or update or delete on %s for each row execute function watch_over()', found);
        end loop;
      end $$;`,
    )
    .execute(database.kysely);
}

/** Runs each statement in a transaction of its own, which comes to nothing. */
async function runAll(connect: () => Promise<Client>): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { text, values } of statements.values()) {
    if (/^\s*(begin|commit|rollback|start|set|savepoint|release)\b/i.test(text)) continue;
    const client = await connect();
    try {
      await client.query("begin");
      const opened = await withoutConditions(text);
      const { rows } = await client.query(opened, [...values]);
      outcomes.push({
        text: opened,
        touched: false,
        shown: /bob/.test(JSON.stringify(rows)),
        failure: undefined,
      });
    } catch (thrown) {
      const failure = messageOf(thrown);
      outcomes.push({ text, touched: /a row of Bob's/.test(failure), shown: false, failure });
    } finally {
      await client.query("rollback").catch(() => {});
      await client.end();
    }
  }
  return outcomes;
}

test("statements of the stores that have lost their conditions neither show nor touch what is somebody else's", async () => {
  const { open, ann } = platform;
  expect(statements.size).toBeGreaterThan(150);
  const outcomes = await runAll(() => open.connect(ann));
  expect(outcomes.filter(({ shown, touched }) => shown || touched)).toEqual([]);
  // Some fail of themselves (a second row where there is one); most must run, or nothing is shown by this.
  expect(outcomes.filter(({ failure }) => failure === undefined).length).toBeGreaterThan(100);
});

test("as the owner of the tables, the same statements show and touch it", async () => {
  const outcomes = await runAll(async () => {
    const client = new Client(clientConfig(parseAddress(fixture.url)));
    await client.connect();
    return client;
  });
  expect(outcomes.filter(({ shown }) => shown).length).toBeGreaterThan(30);
  expect(outcomes.filter(({ touched }) => touched).length).toBeGreaterThan(20);
});
