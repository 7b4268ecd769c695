import { afterAll, beforeAll, expect, test } from "bun:test";
import { listCrons, listDomains, listWorkers } from "@openworkers/db";
import { sql } from "kysely";
import { CallerDatabase, type Statement } from "./testing/caller-database.ts";
import { TestPlatform } from "./testing/platform.ts";

let platform: TestPlatform;
const heard: Statement[] = [];

beforeAll(async () => {
  platform = await TestPlatform.start();
  const { database, ann } = platform;
  await database.write(async (transaction) => {
    await sql`
      insert into users (id, name) select gen_random_uuid(), 'user' || n from generate_series(1, 999) as n`.execute(
      transaction,
    );
    await sql`
      insert into workers (id, name, owner_id)
      select gen_random_uuid(), 'w' || place || '-' || n, id
      from (select id, row_number() over () as place from users where name like 'user%' or id = ${ann.id}) as owners,
        generate_series(1, 10) as n`.execute(transaction);
    await sql`
      insert into domains (hostname, worker_id, verification_token)
      select name || '.example.com', id, 't' from workers`.execute(transaction);
    await sql`
      insert into crons (id, worker_id, expression, timezone, source, retries, retry_delay_ms, late, late_cap, overlap, wall_ms)
      select gen_random_uuid(), id, '0 0 * * *', 'UTC', 'user', 0, 1000, 'skip', 1, 'skip', 1000 from workers`.execute(
      transaction,
    );
  });
  await sql`analyze`.execute(database.kysely);
});
afterAll(() => platform[Symbol.asyncDispose]());

interface Plan {
  readonly "Node Type": string;
  readonly "Index Name"?: string;
  readonly "Relation Name"?: string;
  readonly "Parent Relationship"?: string;
  readonly "Actual Loops": number;
  readonly "Actual Rows": number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly Plan[];
}

function* nodes(plan: Plan): Generator<Plan, void, undefined> {
  yield plan;
  for (const child of plan.Plans ?? []) yield* nodes(child);
}

/** The plan of what a store sends last, as Ann. */
async function planOf(work: (database: CallerDatabase) => Promise<readonly unknown[]>): Promise<Plan[]> {
  const { open, ann } = platform;
  heard.length = 0;
  expect(
    await work(new CallerDatabase(open.place("api"), ann.key, (statement) => heard.push(statement))),
  ).toHaveLength(10);
  const select = heard.findLast(({ text }) => text.startsWith("select"));
  const client = await open.connect(ann);
  const { rows } = await client.query(`explain (analyze, format json) ${select?.text}`, [
    ...(select?.values ?? []),
  ]);
  await client.end();
  return [...nodes(rows[0]["QUERY PLAN"][0].Plan)];
}

test("ten of ten thousand rows are found by an index, with the caller's accounts asked for once", async () => {
  for (const [table, index, work] of [
    ["workers", "workers_by_owner", (database: CallerDatabase) => listWorkers(database)],
    ["domains", "domains_by_worker", (database: CallerDatabase) => listDomains(database)],
    ["crons", "crons_worker_id_expression_timezone_key", (database: CallerDatabase) => listCrons(database)],
  ] as const) {
    const plan = await planOf(work);
    expect(plan.map((node) => node["Index Name"])).toContain(index);
    expect([
      table,
      plan.some((node) => node["Node Type"] === "Seq Scan" && node["Relation Name"] === table),
    ]).toEqual([table, false]);
    // Of the users, which are a thousand, perhaps.
    expect(Math.max(...plan.map((node) => node["Rows Removed by Filter"] ?? 0))).toBeLessThan(1_100);
    for (const node of plan) {
      if (node["Parent Relationship"] === "InitPlan")
        expect([table, node["Actual Loops"] <= 1]).toEqual([table, true]);
    }
  }
});
