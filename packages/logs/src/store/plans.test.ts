import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { newId } from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { type TestDatabase, withTestDatabase } from "@openworkers/db/testing";
import { sql } from "kysely";
import type { LogFilter } from "../filter.ts";
import { batchPosition, endOf } from "../position.ts";
import { line, storable, type TestWorker, testWorker } from "../testing/records.ts";
import { dayOf } from "./days.ts";
import { Partitions } from "./partitions.ts";
import { type ScanRange, scanParameters, scanStatement } from "./scan.ts";
import { storeBatches } from "./store-batches.ts";

const dayMs = 86_400_000;
const perDay = 210_000;
const days = 5;

let fixture: TestDatabase;
let database: Database;
let busy: TestWorker;
beforeAll(async () => {
  fixture = await withTestDatabase();
  busy = testWorker("busy");
  database = fixture.database.another({ parameters: scanParameters });
  const now = Date.now();
  const partitions = new Partitions(database);
  await partitions.ensure(Array.from({ length: days }, (_, ago) => dayOf(now - ago * dayMs)));
  // A fifth of the lines is one worker's, as a busy one's are; two thousand others have the rest.
  const others = Array.from({ length: 2_000 }, () => newId<"worker">());
  for (let ago = days - 1; ago >= 0; ago--) {
    const first = batchPosition(1, (days - ago) * 1_000_000);
    await database.write(async (transaction) => {
      await sql`
        insert into logs (time, position, index, worker_id, version_id, request_id, version, level, worker, message)
        select to_timestamp(floor(${now - ago * dayMs}::bigint / ${dayMs}::bigint) * ${dayMs / 1000} + n * 0.2),
          ${first}::bigint + n / 20, n % 20,
          case when n % 5 = 0 then ${busy.workerId}::uuid else (${others}::uuid[])[1 + (n::bigint * 7919) % 2000] end,
          ${busy.versionId}::uuid, md5((n / 10)::text || ${ago}::text)::uuid, 1,
          case when n % 100 = 0 then 5 else 3 end, 'some', 'a message of the usual length, number ' || n
        from generate_series(0, ${perDay - 1}::integer) as n
      `.execute(transaction);
      await sql`
        insert into invocations (time, position, index, worker_id, version_id, request_id, version, status, wall_ms,
          cpu_ms, cold_start, trigger, outcome, worker, method, host, path)
        select time, position, index + 100, worker_id, version_id, request_id, version,
          case when index = 0 then 500 else 200 end, 5, 1, false, 'fetch', 'ok', worker, 'GET', 'some.localhost', '/'
        from logs where position >= ${first}::bigint and position < ${first + 1_000_000}::bigint and index % 10 = 0
      `.execute(transaction);
    });
  }
  // The first line of each minute and worker would do; the planner is to know how many there are.
  await storeBatches(database, [storable([line(busy, "last")], 90_000_000)]);
  for (const table of ["logs", "invocations", "worker_stats"]) {
    await database.read((queries) => sql`analyze ${sql.table(table)}`.execute(queries));
  }
}, 120_000);
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await fixture[Symbol.asyncDispose]();
});

interface Plan {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Actual Rows"?: number;
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
  readonly Plans?: readonly Plan[];
}

/** What PostgreSQL does for a page: its nodes, and how many blocks it looks at. */
async function plan(kind: "logs" | "invocations", range: ScanRange, filter: LogFilter) {
  const statement = scanStatement(kind, range, filter, { limit: 100, window: 500 });
  const { rows } = await database.read((queries) =>
    sql<{ "QUERY PLAN": readonly { readonly Plan: Plan }[] }>`
      explain (analyze, buffers, format json) ${statement}
    `.execute(queries),
  );
  const root = rows[0]?.["QUERY PLAN"][0]?.Plan;
  if (root === undefined) throw new Error("there is no plan");
  const nodes: Plan[] = [];
  const walk = (node: Plan) => {
    nodes.push(node);
    for (const child of node.Plans ?? []) walk(child);
  };
  walk(root);
  return { nodes, blocks: root["Shared Hit Blocks"] + root["Shared Read Blocks"] };
}

describe("among a million lines a page is read by an index, without sorting more than itself", () => {
  const middle = endOf(batchPosition(1, 3_000_000));
  const orders = ["oldest-first", "newest-first"] as const;
  // Lines of a day are 200 ms apart, and twenty make a batch.
  const hour = Math.floor(Date.now() / dayMs - 2) * dayMs + 5 * 3_600_000;
  const firstOfHour = batchPosition(1, 3_000_000 + (5 * 18_000) / 20);
  const ranges: [string, Omit<ScanRange, "order" | "workers">][] = [
    ["from the end", {}],
    ["after a position", { after: middle }],
    ["before a position", { before: middle }],
    [
      "in an hour, as the statistics place it",
      { from: hour, to: hour + 3_600_000, after: endOf(firstOfHour - 1), before: endOf(firstOfHour + 900) },
    ],
  ];
  const filters: [string, LogFilter][] = [
    ["everything", {}],
    ["errors", { level: "error" }],
    ["some text", { search: "number 1" }],
    ["a request", { requestId: newId<"request">() }],
  ];
  for (const [where, range] of ranges) {
    for (const order of orders) {
      for (const [what, filter] of filters) {
        test(`${what} ${where}, ${order}`, async () => {
          for (const kind of ["logs", "invocations"] as const) {
            const { nodes, blocks } = await plan(kind, { workers: [busy.workerId], order, ...range }, filter);
            const scans = nodes.filter((node) => node["Relation Name"] !== undefined);
            expect(scans.length).toBeGreaterThan(0);
            expect(scans.filter((node) => !node["Node Type"].startsWith("Index"))).toEqual([]);
            // What is sorted is the page, or what one statement may look at.
            const sorted = nodes.filter((node) => /Sort$/.test(node["Node Type"]));
            expect(sorted.filter((node) => (node["Actual Rows"] ?? 0) > 500)).toEqual([]);
            expect(blocks).toBeLessThan(1_500);
          }
        });
      }
    }
  }

  test("of all workers, after a position", async () => {
    const { nodes, blocks } = await plan(
      "logs",
      { workers: "all", order: "oldest-first", after: middle },
      {},
    );
    expect(nodes.filter((node) => /Seq Scan/.test(node["Node Type"]))).toEqual([]);
    expect(blocks).toBeLessThan(1_000);
  });
});
