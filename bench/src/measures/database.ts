import { readFileSync } from "node:fs";
import { familyOf } from "@openworkers/e2e/processes";
import type { Tenant } from "@openworkers/postgate";
import { embedded, TestPostgate, type TestServer } from "@openworkers/postgate/testing";
import { SQL } from "bun";
import { withCpu } from "../cpu.ts";
import { type Row, rowsTable, table } from "../report.ts";
import { median } from "../stats.ts";

export interface DatabaseBenchSize {
  readonly rounds: number;
  readonly seconds: number;
}

/** CPU time is a call's, in microseconds: a busy machine disturbs it less than the others. */
interface Sample {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly ownUs: number;
  readonly postgresUs: number;
}
const figures = ["perSecond", "p50Ms", "ownUs", "postgresUs"] as const;

/** Sends one statement with one value, and waits for its answer. */
type Send = (sql: string, value: number) => Promise<unknown>;

interface Contender extends AsyncDisposable {
  readonly name: string;
  /** What it does for one call, which the others may do otherwise. */
  readonly how: string;
  readonly send: Send;
}

const rows = 10_000;
const statements = {
  "select a row by its key": "select id, name from items where id = $1",
  "insert a row": "insert into log (item) values ($1)",
};

/**
 * The query protocol beside `Bun.sql` on the same server and statements, one at a time and 32 at a time; and what many
 * tenants take that were each asked once.
 */
export async function benchDatabase(size: DatabaseBenchSize): Promise<string[]> {
  await using server = await embedded();
  await using gate = await TestPostgate.open(server);
  const tenant = await gate.make("bench");
  const script = `create table items (id int4 primary key, name text); create table log (item int4);
    insert into items select g, 'item ' || g from generate_series(1, ${rows}) g;`;
  await gate.query(tenant, { script });
  await liftConnectionLimit(server, gate, tenant);
  const lines: string[][] = [];
  const judged: Row[] = [];
  await using contenders = new AsyncDisposableStack();
  const all = [
    direct(server, gate, tenant),
    inProcess(gate, tenant),
    overHttp(gate, tenant),
    directAndClean(server, gate, tenant),
  ].map((contender) => contenders.use(contender));
  for (const [what, sql] of Object.entries(statements)) {
    for (const atATime of [1, 32]) {
      const samples = all.map((): { [Figure in keyof Sample]: number[] } => ({
        perSecond: [],
        p50Ms: [],
        ownUs: [],
        postgresUs: [],
      }));
      for (let round = 0; round < size.rounds; round++) {
        for (const [index, { send }] of all.entries()) {
          const sample = await load((value) => send(sql, value), atATime, size.seconds);
          for (const figure of figures) samples[index]?.[figure].push(sample[figure]);
        }
      }
      const medians = samples.map(
        (sample): Sample => ({
          perSecond: median(sample.perSecond),
          p50Ms: median(sample.p50Ms),
          ownUs: median(sample.ownUs),
          postgresUs: median(sample.postgresUs),
        }),
      );
      for (const [index, { name }] of all.entries()) {
        const { perSecond = 0, p50Ms = 0, ownUs = 0, postgresUs = 0 } = medians[index] ?? {};
        lines.push([
          `${what}, ${atATime} at a time: ${name}`,
          perSecond.toFixed(0),
          p50Ms.toFixed(3),
          ownUs.toFixed(0),
          postgresUs.toFixed(0),
        ]);
      }
      judged.push(...judge(`${what}, ${atATime} at a time`, medians));
    }
  }
  const tenants = size.rounds < 3 ? 50 : 1_000;
  return [
    table(
      ["a statement on a tenant's database", "per second", "p50 ms", "CPU µs here", "in PostgreSQL"],
      lines,
    ),
    "",
    `All have ${tenant.limits.connections} connections, and their caller in this process: its CPU time is in the figures.`,
    ...all.map(({ name, how }) => `${name}: ${how}`),
    "",
    rowsTable([...judged, ...(await resident(tenants))]),
  ];
}

function judge(what: string, [direct, ours]: readonly Sample[]): Row[] {
  if (direct === undefined || ours === undefined) return [];
  const overheadMs = ours.p50Ms - direct.p50Ms;
  const share = ours.perSecond / direct.perSecond;
  return [
    {
      what: `${what}: p50 over Bun.sql`,
      value: `${overheadMs.toFixed(3)} ms`,
      budget: "≤ 0.5 ms",
      ok: overheadMs <= 0.5,
    },
    {
      what: `${what}: throughput beside Bun.sql`,
      value: `${share.toFixed(2)} ×`,
      budget: "≥ 0.5 ×",
      ok: share >= 0.5,
    },
  ];
}

function connect(server: TestServer, gate: TestPostgate, { id, limits }: Tenant, prepare: boolean): SQL {
  const { host, port, user, password } = server.address;
  return new SQL({
    adapter: "postgres",
    path: `${host}/.s.PGSQL.${port}`,
    database: gate.databaseOf(id),
    username: user,
    ...(password === undefined ? {} : { password }),
    max: limits.connections,
    prepare,
  });
}

/** All contenders are connected to one database: more often than a tenant may be. */
async function liftConnectionLimit(server: TestServer, gate: TestPostgate, tenant: Tenant): Promise<void> {
  const sql = connect(server, gate, tenant, false);
  await sql.unsafe(`alter database "${gate.databaseOf(tenant.id)}" connection limit -1`);
  await sql.close();
}

function direct(server: TestServer, gate: TestPostgate, tenant: Tenant): Contender {
  const sql = connect(server, gate, tenant, true);
  return {
    name: "Bun.sql, direct",
    how: "prepares a statement once on each connection, and sends further calls before the answers to those before.",
    send: (text, value) => sql.unsafe(text, [value]),
    [Symbol.asyncDispose]: () => sql.close(),
  };
}

/** What keeping calls apart costs without us. */
function directAndClean(server: TestServer, gate: TestPostgate, tenant: Tenant): Contender {
  // Prepared once, a statement would be refused next time: DISCARD ALL forgets it behind the client's back.
  const sql = connect(server, gate, tenant, false);
  return {
    name: "Bun.sql, keeping calls apart",
    how: "a connection to itself for each call, and DISCARD ALL before the next; the statement is prepared each time.",
    async send(text, value) {
      using connection = await sql.reserve();
      await connection.unsafe(text, [value]);
      await connection.unsafe("DISCARD ALL");
    },
    [Symbol.asyncDispose]: () => sql.close(),
  };
}

function inProcess(gate: TestPostgate, { id }: Tenant): Contender {
  return {
    name: "Postgate, in process",
    how: "as a binding calls it: JSON both ways, and a connection to itself for each call, cleaned behind it; one statement, which each keeps.",
    async send(sql, value) {
      const body = JSON.stringify({ sql, params: [String(value)] });
      const headers = { "content-length": String(body.length) };
      const request = new Request("http://postgate/query", { method: "POST", body, headers });
      await checked(await gate.postgate.query(id, request, { worker: "bench" }));
    },
    async [Symbol.asyncDispose]() {},
  };
}

function overHttp(gate: TestPostgate, tenant: Tenant): Contender {
  const face = gate.postgate.listenHttp({});
  const headers = { authorization: `Bearer ${gate.tenants.token(tenant)}` };
  return {
    name: "Postgate, over HTTP",
    how: "the same behind a token, over TCP.",
    async send(sql, value) {
      const body = JSON.stringify({ sql, params: [String(value)] });
      await checked(await fetch(`${face.url}query`, { method: "POST", headers, body }));
    },
    [Symbol.asyncDispose]: () => face[Symbol.asyncDispose](),
  };
}

async function checked(response: Response): Promise<void> {
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  await response.json();
}

async function load(
  send: (value: number) => Promise<unknown>,
  atATime: number,
  seconds: number,
): Promise<Sample> {
  for (let warm = 0; warm < 200; warm++) await send(1 + (warm % rows));
  const times: number[] = [];
  const run = async () => {
    const start = performance.now();
    const end = start + seconds * 1_000;
    const client = async () => {
      while (performance.now() < end) {
        const sent = performance.now();
        await send(1 + Math.floor(Math.random() * rows));
        times.push(performance.now() - sent);
      }
    };
    await Promise.all(Array.from({ length: atATime }, client));
    return (performance.now() - start) / 1_000;
  };
  const { result, cpuUs } = await withCpu([process.pid], run);
  return {
    perSecond: times.length / result,
    p50Ms: median(times),
    ownUs: (cpuUs.get("bun") ?? 0) / times.length,
    postgresUs: (cpuUs.get("postgres") ?? 0) / times.length,
  };
}

/** Memory and connections after each of `count` tenants was asked once. */
async function resident(count: number): Promise<Row[]> {
  await using server = await embedded();
  const gate = await TestPostgate.open(server);
  // Not the tenants with it: the server goes, with all that is on it.
  await using _ = gate.postgate;
  const tenants: Tenant[] = [];
  for (let made = 0; made < count; made++) tenants.push(await gate.make(`tenant-${made}`));
  Bun.gc(true);
  const before = process.memoryUsage().rss;
  const postgresBefore = await postgresBytes();
  const start = performance.now();
  for (const tenant of tenants) await gate.rows(tenant, "select 1");
  const seconds = (performance.now() - start) / 1_000;
  Bun.gc(true);
  const { idle } = gate.postgate.budget.usage;
  const mb = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MB`;
  return [
    { what: `${count} tenants, each asked once: connections kept`, value: String(idle) },
    { what: "time for each", value: `${((seconds * 1_000) / count).toFixed(1)} ms` },
    { what: "Postgate's memory grew by", value: mb(process.memoryUsage().rss - before) },
    { what: "PostgreSQL's memory grew by", value: mb((await postgresBytes()) - postgresBefore) },
  ];
}

/** Proportional set size of the PostgreSQL processes under this one. */
async function postgresBytes(): Promise<number> {
  let kilobytes = 0;
  for (const { pid, command } of await familyOf(process.pid)) {
    if (!command.includes("postgres")) continue;
    try {
      const [, pss] = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")) ?? [];
      kilobytes += Number(pss ?? 0);
    } catch {
      // It has ended since the list was read.
    }
  }
  return kilobytes * 1_024;
}
