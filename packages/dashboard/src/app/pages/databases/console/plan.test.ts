import { afterAll, beforeAll, expect, test } from "bun:test";
import { withTestDatabase } from "@openworkers/db/testing";
import { Client } from "pg";
import { parseExact } from "../sql/exact-json.ts";
import { readPlan } from "./plan.ts";

let fixture: Awaited<ReturnType<typeof withTestDatabase>>;
let client: Client;
beforeAll(async () => {
  fixture = await withTestDatabase();
  client = new Client({ connectionString: fixture.url });
  await client.connect();
  await client.query(
    "create table things (id int primary key, size int); insert into things select n, n from generate_series(1, 1000) n; analyze things",
  );
}, 60_000);
afterAll(async () => {
  await client.end();
  await fixture[Symbol.asyncDispose]();
});

async function explain(options: string, sql: string) {
  const { rows } = await client.query(`explain (format json${options}) ${sql}`);
  return readPlan(parseExact(JSON.stringify(rows[0]["QUERY PLAN"])));
}

test("a plan says what is read, how, and what it costs", async () => {
  const plan = await explain("", "select * from things where id = 3");
  expect(plan).toMatchObject({
    executionMs: undefined,
    nodes: [
      {
        title: "Index Scan using things_pkey on things",
        notes: ["Index Cond: (id = 3)"],
        plannedRows: 1,
        share: 1,
      },
    ],
  });
});

test("one that was run says rows and times, a node's own without those below it", async () => {
  const plan = await explain(
    ", analyze",
    "select a.size, count(*) from things a left join things b on b.size = a.id group by 1",
  );
  expect(plan.executionMs).toBeGreaterThan(0);
  const titles = plan.nodes.map(({ depth, title }) => `${"  ".repeat(depth)}${title}`);
  expect(titles[0]).toBe("Hash Aggregate");
  expect(titles.join("\n")).toContain("Join");
  expect(titles.join("\n")).toContain("Seq Scan on things a");
  for (const { actualRows, ownMs, share } of plan.nodes) {
    expect(actualRows).toBe(1_000);
    expect(ownMs).toBeGreaterThanOrEqual(0);
    expect(share).toBeLessThanOrEqual(1);
  }
});

test("what is no plan is said to be none", () => {
  expect(() => readPlan([])).toThrow("no plan");
});
