import { afterAll, beforeAll, expect, test } from "bun:test";
import { getPriority } from "node:os";
import { type DatabaseId, newId } from "@openworkers/core";
import { openCpuPriority } from "@openworkers/core/host";
import type { Tenant } from "../tenant.ts";
import { TestPostgate, until } from "../testing/test-postgate.ts";
import { embedded, type TestServer } from "../testing/test-server.ts";
import { CpuFairness } from "./cpu-fairness.ts";

const stack = new AsyncDisposableStack();
let server: TestServer;
beforeAll(async () => {
  server = stack.use(await embedded());
});
afterAll(() => stack.disposeAsync());

/** What of a process's priority is not as everybody's. */
const changed = async (pid: number) => {
  const autogroup = await Bun.file(`/proc/${pid}/autogroup`).text();
  return getPriority(pid) !== 0 || !autogroup.endsWith("nice 0\n");
};
const pidOf = async (gate: TestPostgate, tenant: Tenant) =>
  Number((await gate.rows(tenant, "select pg_backend_pid()"))[0]?.[0]);
const computing = "do $$ begin loop perform 1; end loop; end $$";

/** Whether priorities may be changed here; a container's root may not. */
async function mayLower(): Promise<boolean> {
  await using child = Bun.spawn(["sleep", "1000"], { detached: true });
  return openCpuPriority(1)(child.pid, true);
}

test("a tenant that computes goes behind the others, and comes back when it rests", async () => {
  if (!(await mayLower())) return;
  const lowered: DatabaseId[] = [];
  using cpu = new CpuFairness({ onLowered: (id) => lowered.push(id) });
  await using gate = await TestPostgate.open(server, { cpu });
  const noisy = await gate.make("noisy", { connections: 1, statementMs: 600_000 });
  const quiet = await gate.make("quiet", { connections: 1 });
  const [noisyPid, quietPid] = [await pidOf(gate, noisy), await pidOf(gate, quiet)];
  const leaving = new AbortController();
  const answer = gate.query(noisy, { sql: computing }, leaving.signal);
  await until(() => changed(noisyPid));
  expect([lowered, await changed(quietPid)]).toEqual([[noisy.id], false]);
  leaving.abort();
  await answer;
  // What was cancelled may have cost its session; the next one is as lowered, until the tenant has rested.
  const next = await pidOf(gate, noisy);
  await until(async () => !(await changed(next)));
});

test("a process that is no session on the tenant's database is left alone, whatever a server says its number is", async () => {
  await using child = Bun.spawn(["sh", "-c", "while :; do :; done"]);
  const set: number[] = [];
  using cpu = new CpuFairness({
    priority: (pid) => {
      set.push(pid);
      return true;
    },
  });
  await using gate = await TestPostgate.open(server, { cpu });
  const busy = await gate.make("busy", { connections: 1, statementMs: 600_000 });
  const pid = await pidOf(gate, busy);
  using _child = cpu.enter(busy.id, child.pid);
  using _other = cpu.enter(newId(), pid);
  const leaving = new AbortController();
  const answer = gate.query(busy, { sql: computing }, leaving.signal);
  await until(() => set.length > 0);
  leaving.abort();
  await answer;
  expect(set).not.toContain(child.pid);
});
